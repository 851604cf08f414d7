"""Follows the log: keeps every live read model at most a moment behind it."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import structlog
from psycopg import Connection

from infrastructure.observability.instruments import BATCH_SECONDS
from infrastructure.observability.spans import span
from infrastructure.projection_engine.apply_batch import Fed, advance
from infrastructure.projection_engine.batch_size import Pace
from infrastructure.projection_engine.ensure_versions import ensure
from infrastructure.projection_engine.event_source import Log
from infrastructure.projection_engine.failure_policy import Backoff, described, passes
from infrastructure.projection_engine.prefetch import ReadAhead
from infrastructure.projection_engine.read_model import ReadModel
from infrastructure.projection_engine.rebuild import rebuild_outdated
from infrastructure.projection_engine.versions import Standing, connect, live

BUSY_SECONDS = 0.01
IDLE_SECONDS = 0.1
STAYS_BUSY_SECONDS = 1.0
RESTS = 2.0
"""Times as long as a round took to rest after it: each costs the same whether it brings one event
or fifty, so the busier the log, the more each round takes in."""

logger = structlog.get_logger()


class Follower:
    """One thread that follows; any number of them, in any process, may follow at once."""

    def __init__(self, url: str, log: Log, models: Sequence[ReadModel]) -> None:
        self._url = url
        self._log = log
        self._ahead = ReadAhead(log)
        self._models = models
        self._connection: Connection[Any] | None = None
        self._reached = -1
        self._busy_until = 0.0
        self._failing: dict[str, tuple[float, Backoff]] = {}
        self._pace = Pace()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._builder: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to follow; what goes wrong with the database is tried again for ever."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()
        if self._builder:
            self._builder.join()

    def wake(self) -> None:
        """Look at the log now; may be called from any thread, and doesn't block."""
        self._woken.set()

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                self._take_turn()
                backoff.forget()
            except Exception as error:  # noqa: BLE001  # supervised: whatever it is, go on later
                self._disconnect()
                seconds = backoff.seconds()
                logger.warning("projector.interrupted", error=described(error), retry_in=seconds)
                self._stopping.wait(seconds)
        self._disconnect()
        self._ahead.close()

    def _take_turn(self) -> None:
        """One round, and the rest after it; none while there is more to read."""
        began = time.monotonic()
        fed = self._round()
        now = time.monotonic()
        if fed.models or self._woken.is_set():
            self._busy_until = now + STAYS_BUSY_SECONDS
        if not fed.models:
            self._woken.wait(BUSY_SECONDS if now < self._busy_until else IDLE_SECONDS)
        elif fed.upto == self._reached:
            self._stopping.wait(min(IDLE_SECONDS, RESTS * (now - began)))
        self._woken.clear()

    def _round(self) -> Fed:
        """Move everybody one batch."""
        connection = self._connected()
        safe = self._log.safe()
        if safe <= self._reached and not self._failing:
            return Fed(0, safe)
        standings = live(connection, self._models)
        behind = [one for one in standings if one.position < safe and self._may_try(one)]
        groups = _together(behind)
        log = self._ahead if len(groups) == 1 else self._log
        fed = _sum([self._advance(connection, group, log, safe) for group in groups], safe)
        everybody = len(behind) == fed.models and fed.upto == safe and not self._failing
        self._reached = safe if standings and everybody else -1
        return fed

    def _may_try(self, standing: Standing) -> bool:
        return time.monotonic() >= self._failing.get(standing.model.name, (0.0,))[0]

    def _advance(
        self, connection: Connection[Any], group: list[Standing], log: Log, safe: int
    ) -> Fed:
        """Move a group in one transaction; one by one when something is wrong with one of them."""
        try:
            with (
                self._pace as limit,
                BATCH_SECONDS.time(),
                span("project", {"easeboard.projections": len(group)}),
            ):
                fed = advance(connection, group, log, safe, limit)
        except Exception as error:
            if passes(error):
                raise
            if len(group) > 1:
                alone = [self._advance(connection, [one], self._log, safe) for one in group]
                return _sum(alone, safe)
            self._give_up_for_now(connection, group[0], error)
            return Fed(0, group[0].position)
        for one in group:
            self._failing.pop(one.model.name, None)
        return fed

    def _give_up_for_now(
        self, connection: Connection[Any], standing: Standing, error: Exception
    ) -> None:
        name, text = standing.model.name, described(error)
        _, backoff = self._failing.get(name, (0.0, Backoff()))
        seconds = backoff.seconds()
        self._failing[name] = (time.monotonic() + seconds, backoff)
        logger.error("projector.failing", projection=name, error=text, retry_in=seconds)
        connection.execute(
            "UPDATE easeboard.projections SET error = %s WHERE name = %s AND version = %s",
            [text, name, standing.version],
        )

    def _connected(self) -> Connection[Any]:
        if self._connection is None:
            self._connection = connect(self._url)
            outdated = ensure(self._connection, self._models)
            if outdated and not (self._builder and self._builder.is_alive()):
                self._build(outdated)
        return self._connection

    def _build(self, outdated: Iterable[str]) -> None:
        models = [model for model in self._models if model.name in set(outdated)]
        self._builder = threading.Thread(
            target=rebuild_outdated,
            args=(self._url, self._log, models, self._stopping),
            name="rebuilder",
            daemon=True,
        )
        self._builder.start()

    def _disconnect(self) -> None:
        self._reached = -1
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _sum(fed: Sequence[Fed], safe: int) -> Fed:
    """How many took a batch in, and how far all of them have come."""
    return Fed(sum(one.models for one in fed), min((one.upto for one in fed), default=safe))


def _together(standings: Iterable[Standing]) -> list[list[Standing]]:
    """Those who stand at the same position read the log together."""
    groups: defaultdict[int, list[Standing]] = defaultdict(list)
    for standing in standings:
        groups[standing.position].append(standing)
    return list(groups.values())
