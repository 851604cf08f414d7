"""What is due in the next 24 hours, by hour and Canvas host, for admins.

Every active connection is due once, and again after each interval if its sync succeeds. One
statement counts the connections by host and by ten minutes; what repeats is worked out from that.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import LiteralString, NamedTuple

import orjson

from domain.sync_schedule import JITTER_DIVISOR, delays
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.host_names import host_of
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    parse_text_key,
    parse_time_key,
)

HORIZON_SECONDS = 24 * 3600
HOUR_SECONDS = 3600
SLOT_SECONDS = 600
MIN_KEPT_SECONDS = 5.0
"""Seconds for which a process uses the same counts at least."""
KEPT_TIMES = 20
"""How many times longer than counting takes they are used: counting reads every connection."""

COUNT_DUE: LiteralString = """
SELECT due.origin, due.slot, due.connections, due.overdue, due.longest_due, host.open_until
  FROM (
           SELECT origin, floor(due / 600)::bigint AS slot, count(*) AS connections,
                  count(*) FILTER (WHERE due <= %(now)s) AS overdue,
                  min(due) AS longest_due
             FROM (
                      SELECT origin,
                             date_part('epoch', rested_at)
                             + (%(delays)s::double precision[])[wait + 1] AS due
                        FROM read.connections
                       WHERE active
                      OFFSET 0
                  ) AS connection
            GROUP BY 1, 2
       ) AS due
  LEFT JOIN easeboard.canvas_hosts AS host
    ON host.origin = due.origin
"""
"""Times are seconds since 1970: with intervals, each row would cost three times as much.

OFFSET 0 makes PostgreSQL compute `due` once for each row.
"""


class DueCount(NamedTuple):
    """The connections of a host that are due within the same ten minutes.

    `slot` is the number of these ten minutes since 1970. `overdue` are due already; `longest_due`
    is the first of them, in seconds since 1970.
    """

    origin: str
    slot: int
    connections: int
    overdue: int
    longest_due: float
    open_until: datetime | None


@dataclass(slots=True)
class HourCount:
    """What is due in one hour at one host; `longest_due_at` is when the first of it was due."""

    due: int = 0
    overdue: int = 0
    expected_syncs: int = 0
    held_until: datetime | None = None
    longest_due_at: datetime | None = None


@dataclass(slots=True)
class ScheduledHours:
    """The schedule of all active connections; `interval` is the time between two syncs."""

    pool: ReadPool
    interval: timedelta
    _counted: tuple[float, dict[tuple[datetime, str], HourCount]] | None = field(
        default=None, init=False
    )
    """The counts, and until when they are used."""

    async def page(self, *, cursor: str | None = None, limit: int) -> Page:
        """Return a page of hours, each host of an hour by its address.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        after = decode_cursor(cursor, parse_time_key, parse_text_key)
        hours = await self.hours()
        rows = [
            (hour, origin, hours[hour, origin])
            for hour, origin in sorted(hours)
            if cursor is None or (hour, origin) > (after[0], after[1])
        ]
        return build_page(
            rows[: limit + 1],
            limit,
            lambda row: _encode(*row),
            lambda row: (row[0].isoformat(), row[1]),
        )

    async def hours(self) -> dict[tuple[datetime, str], HourCount]:
        """Return what is due, by the begin of the hour and the address of the host."""
        if self._counted is None or monotonic() > self._counted[0]:
            began, now = monotonic(), datetime.now(UTC)
            counts = await self._count(now)
            hours = await asyncio.to_thread(hours_of, counts, now, self.interval)
            ended = monotonic()
            kept = max(MIN_KEPT_SECONDS, KEPT_TIMES * (ended - began))
            self._counted = ended + kept, hours
        return self._counted[1]

    async def _count(self, now: datetime) -> list[DueCount]:
        seconds = [delay.total_seconds() for delay in delays(self.interval)]
        parameters = {"now": now.timestamp(), "delays": seconds}
        async with self.pool.connection() as connection:
            cursor = await connection.execute(COUNT_DUE, parameters)
            return [DueCount(*row) for row in await cursor.fetchall()]


def hours_of(
    counts: Iterable[DueCount], now: datetime, interval: timedelta
) -> dict[tuple[datetime, str], HourCount]:
    """Return what is due until 24 hours after `now`, by hour and host.

    The circuit of a host can be open: what is due until then is due at its end.
    """
    start, mean_delay = now.timestamp(), _mean_delay_seconds(interval)
    hours: defaultdict[tuple[int, str], HourCount] = defaultdict(HourCount)
    for count in counts:
        opens = count.open_until.timestamp() if count.open_until else 0.0
        due = max(count.slot * SLOT_SECONDS, start, opens)
        if due >= start + HORIZON_SECONDS:
            continue
        first = hours[int(due // HOUR_SECONDS), count.origin]
        first.due += count.connections
        if opens <= start and count.overdue:
            first.overdue += count.overdue
            longest = datetime.fromtimestamp(count.longest_due, UTC)
            first.longest_due_at = min(first.longest_due_at or longest, longest)
        while due < start + HORIZON_SECONDS:
            number = int(due // HOUR_SECONDS)
            hour = hours[number, count.origin]
            hour.expected_syncs += count.connections
            hour.held_until = (
                count.open_until if opens > max(start, number * HOUR_SECONDS) else None
            )
            due += mean_delay
    return {
        (datetime.fromtimestamp(hour * HOUR_SECONDS, UTC), origin): count
        for (hour, origin), count in hours.items()
    }


def _mean_delay_seconds(interval: timedelta) -> float:
    return (interval + interval / (2 * JITTER_DIVISOR)).total_seconds()


def _encode(hour: datetime, origin: str, count: HourCount) -> bytes:
    document = {
        "hour": hour,
        "canvas_url": origin,
        "host": host_of(origin),
        "due": count.due,
        "overdue": count.overdue,
        "expected_syncs": count.expected_syncs,
        "held_until": count.held_until,
    }
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)
