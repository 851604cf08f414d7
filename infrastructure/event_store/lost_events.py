"""Finds what the database has of events that its log does not have: the log went backwards.

That is so after a restore of the log alone, or when rows of it were removed. A failover, and a
restore of the whole database, lose events and what was made of them together.
"""

from typing import Any, LiteralString, NamedTuple

from infrastructure.postgres.pools import ReadPool

MAX_SNAPSHOTS = 10_000
"""The newest snapshots of each kind that are compared with the log: lost events are the last."""

RESTORED_AT: LiteralString = """
SELECT max(began_at)
  FROM (
           SELECT began_at,
                  has_lost_events
                  OR (
                      database_name = lag(database_name) OVER by_number
                      AND events_table <> lag(events_table) OVER by_number
                  ) AS is_restored
             FROM easeboard.timelines
           WINDOW by_number AS (ORDER BY number)
       ) AS beginnings
 WHERE is_restored
"""
"""Selects when the newest timeline began before which the table of events was changed.

Then events were deleted, or a dump was restored.
"""

SELECT_STATE: LiteralString = f"""
SELECT log.head,
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM easeboard.position),
       (SELECT begins_after FROM easeboard.timelines ORDER BY number DESC LIMIT 1),
       (
           SELECT array_agg(name ORDER BY name)
             FROM easeboard.projections AS model
            WHERE role = 'live'
              AND fingerprint <> 'lost'
              AND position > 0
              AND began_at > coalesce(({RESTORED_AT}), '-infinity')
              AND NOT EXISTS (
                      SELECT FROM easeboard.events AS event WHERE event.position = model.position
                  )
       ),
       (
           SELECT last_position
             FROM (
                      SELECT last_position, sealed_at
                        FROM easeboard.seal_checkpoints
                       ORDER BY size DESC
                       LIMIT 1
                  ) AS newest
            WHERE NOT EXISTS (
                      SELECT FROM easeboard.events AS event
                       WHERE event.position = newest.last_position
                  )
       ),
       (
           SELECT max(sealed_at) > coalesce(({RESTORED_AT}), '-infinity')
             FROM easeboard.seal_checkpoints
       )
  FROM (SELECT coalesce(max(position), 0) AS head FROM easeboard.events) AS log
"""  # noqa: S608  # constants

COUNT_LOST_SNAPSHOTS: LiteralString = """
SELECT (
           SELECT count(*)
             FROM (
                      SELECT stream, version
                        FROM easeboard.snapshots
                       ORDER BY recorded_at DESC
                       LIMIT %(most)s
                  ) AS saved
            WHERE NOT EXISTS (
                      SELECT FROM easeboard.events AS event
                       WHERE event.stream = saved.stream
                         AND event.version = saved.version
                  )
       ),
       (
           SELECT count(*)
             FROM (
                      SELECT stream, version, event_id
                        FROM easeboard.past_snapshots
                       ORDER BY recorded_at DESC
                       LIMIT %(most)s
                  ) AS saved
            WHERE NOT EXISTS (
                      SELECT FROM easeboard.events AS event
                       WHERE event.stream = saved.stream
                         AND event.version = saved.version
                         AND event.event_id = saved.event_id
                  )
       )
"""


class Loss(NamedTuple):
    """One thing that is of events which the log does not have, in plain words."""

    part: str
    """What has it: `positions`, `timelines`, `read models`, `seals` or `snapshots`."""
    found: str
    meaning: str
    way_out: str
    is_repaired: bool = False
    """Whether a process repairs it at its start, or nothing needs to be repaired."""

    def __str__(self) -> str:
        """Return what was found, what it means and what to do, in one line."""
        return f"{self.found}; {self.meaning}: {self.way_out}"


class LogState(NamedTuple):
    """The end of the log, and what is beyond it."""

    head: int
    """The position of the newest event; 0 without one."""
    given: int
    """The last position that an append was given."""
    timeline_start: int | None
    """The newest position when the present timeline began."""
    lost_models: list[str] | None
    """Read models at whose checkpoint there is no event."""
    lost_seal: int | None
    """The last position of the newest signed checkpoint, if there is no event."""
    is_seal_newer: bool | None
    """Whether there is a signed checkpoint from after the last known loss."""

    @property
    def needs_timeline(self) -> bool:
        """Whether events are lost, and no timeline began for that."""
        is_seal_lost = self.lost_seal is not None and self.is_seal_newer
        return bool(self.lost_models or is_seal_lost) or self._is_timeline_lost

    @property
    def needs_positions(self) -> bool:
        """Whether appends would be given positions that events have already."""
        return self.given < self.head

    @property
    def _is_timeline_lost(self) -> bool:
        return self.timeline_start is not None and self.timeline_start > self.head

    def losses(self) -> list[Loss]:
        """Return what is beyond the end of the log."""
        found = list[Loss]()
        if self.needs_positions:
            found.append(_positions(self))
        if self._is_timeline_lost:
            found.append(_timeline(self))
        if self.lost_models:
            found.append(_read_models(self, self.lost_models))
        if self.lost_seal is not None:
            found.append(_seals(self, self.lost_seal))
        return found


async def read_log_state(pool: ReadPool) -> LogState:
    """Return the end of the log and what is beyond it; needs some milliseconds."""
    return LogState(*await _fetch_row(pool, SELECT_STATE))


async def find_losses(pool: ReadPool) -> list[Loss]:
    """Return everything that is of events which the log does not have; compares snapshots too."""
    losses = (await read_log_state(pool)).losses()
    newest, past = await _fetch_row(pool, COUNT_LOST_SNAPSHOTS)
    return [*losses, _snapshots(newest, past)] if newest or past else losses


async def describe_losses(pool: ReadPool) -> str:
    """Return what was found, without a way out, as one line; `ok` if nothing was."""
    return "; ".join(loss.found for loss in (await read_log_state(pool)).losses()) or "ok"


async def _fetch_row(pool: ReadPool, statement: LiteralString) -> tuple[Any, ...]:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, {"most": MAX_SNAPSHOTS})
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
    return rows[0]


def _positions(state: LogState) -> Loss:
    return Loss(
        "positions",
        f"the sequence easeboard.position is at {state.given}, and the newest event at"
        f" {state.head}",
        "an append would get a position that readers have passed",
        "every process moves the sequence to the newest event at its start: restart one",
        is_repaired=True,
    )


def _timeline(state: LogState) -> Loss:
    return Loss(
        "timelines",
        f"the log ended at {state.timeline_start} when it was last opened, and ends at"
        f" {state.head} now",
        "its last events are lost",
        f"{_RESTORE} Otherwise start a process: it begins a timeline, so that what clients and"
        " read models have of the lost events counts no more",
    )


def _read_models(state: LogState, names: list[str]) -> Loss:
    return Loss(
        "read models",
        f"{', '.join(names)}: the log, which ends at {state.head}, has no event at the checkpoint",
        "their rows are partly of events that are lost",
        f"{_RESTORE} Otherwise start a process with the role projector: it builds them again",
    )


def _seals(state: LogState, position: int) -> Loss:
    return Loss(
        "seals",
        f"a signed checkpoint covers the log up to {position}, and the log, which ends at"
        f" {state.head}, has no event there",
        "events that were sealed are missing, so nothing more is sealed",
        f"{_RESTORE} Everything else works meanwhile; easeboard audit verify names the first"
        " missing event",
    )


def _snapshots(newest: int, past: int) -> Loss:
    return Loss(
        "snapshots",
        f"{newest} snapshots and {past} of the past are of events that the log does not have",
        "they are not used",
        "nothing to do: the next ones replace them",
        is_repaired=True,
    )


_RESTORE = "if there is a backup with the missing events, stop all processes and restore it."
