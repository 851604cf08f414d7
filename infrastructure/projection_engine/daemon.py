"""The projection daemon: applies new events to every live read model."""

import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any, Self

import structlog
from psycopg import Connection

from domain.backoff import Backoff
from domain.log_position import LogPosition
from infrastructure.event_store.errors import describe_error
from infrastructure.observability.instruments import BATCH_SECONDS
from infrastructure.observability.spans import span
from infrastructure.postgres.errors import is_transient
from infrastructure.postgres.retry import RetryDelays
from infrastructure.projection_engine.apply_batch import BatchResult, apply_next_batch
from infrastructure.projection_engine.batch_groups import combine_results, group_by_position
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.ensure_versions import ensure_versions
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.lost_versions import mark_lost_versions
from infrastructure.projection_engine.ownership import OWNER_LEASE_SECONDS, Ownership
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.rebuild import PROJECTION_BACKOFF
from infrastructure.projection_engine.rebuilder import Rebuilder
from infrastructure.projection_engine.switch_check import ReportCheck
from infrastructure.projection_engine.versions import VersionStatus, connect, live_versions

RECONNECT_BACKOFF = Backoff(first_seconds=0.25, max_seconds=4, min_jitter=0.5)
"""The delays of the whole daemon while it cannot use the database.

They stay short, so that the read models are up to date again soon after an outage.
"""
BUSY_POLL_SECONDS = 0.01
IDLE_POLL_SECONDS = 0.1
WOKEN_POLL_SECONDS = 1.0
"""Poll interval if every append wakes this daemon: a wake-up that was lost delays it by no more."""
BUSY_PERIOD_SECONDS, WOKEN_BUSY_PERIOD_SECONDS = 1.0, 0.1
"""How long after an event the log is polled more often; appends may still be open."""
CHECK_SECONDS = 2.0
"""How long a daemon that has caught up relies on it while no event is appended."""
PAUSE_FACTOR = 0.25
"""The pause after a round that has caught up, as a multiple of the duration of the round.

A round costs about the same for one event as for fifty, so it is cheaper to let events collect.
"""

logger = structlog.get_logger()


class ProjectionDaemon:
    """A thread that applies new events to the live versions of read models.

    Any number of daemons may run at once, in any process: they divide the read models, and give
    those of `read_together` to one of them. Its versions at one position move together or not at
    all. A second thread rebuilds a read model whose tables an older program created, or that has
    rows of events that the log has lost, and continues rebuilds whose process died. `on_advanced`
    is called in the thread after each round that moved a checkpoint; it must neither block nor
    raise.
    `is_woken` returns whether every append in any process calls `wake`.
    `process_name` is the owner of the read models that it moves; no other daemon has it.
    """

    def __init__(
        self,
        url: str,
        source: EventSource,
        models: Sequence[ReadModelDefinition],
        *,
        on_advanced: Callable[[], None] = lambda: None,
        is_woken: Callable[[], bool] = lambda: False,
        process_name: str | None = None,
        read_together: Sequence[Collection[str]] = (),
    ) -> None:
        self._url = url
        self._source = source
        self._prefetcher = Prefetcher(source)
        self._models = models
        self._on_advanced = on_advanced
        self._is_woken = is_woken
        self._ownership = Ownership(process_name, models, read_together)
        self._connection: Connection[Any] | None = None
        self._caught_up_to: LogPosition | None = None
        self._next_check = 0.0
        self._checked_timeline = 0
        self._busy_until = 0.0
        self._failing: dict[str, tuple[float, RetryDelays]] = {}
        self._batch_size = AdaptiveBatchSize()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._rebuilder = Rebuilder(url, source, models)
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
        """Start the thread. Every error is logged and retried with back-off."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch, and wait for both threads."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()
        self._rebuilder.stop()

    def wake(self) -> None:
        """Read the log now, not after the interval. Does not block; any thread may call it."""
        self._woken.set()

    def report_checks_to(self, report_check: ReportCheck) -> None:
        """Let `report_check` get what the second thread finds before a cut-over."""
        self._rebuilder.report_check = report_check

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    def _run(self) -> None:
        delays = RetryDelays(RECONNECT_BACKOFF)
        while not self._stopping.is_set():
            try:
                self._poll()
                delays.reset()
            except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
                self._disconnect()
                seconds = delays.next_delay()
                logger.warning(
                    "projector.interrupted", error=describe_error(error), retry_in=seconds
                )
                self._stopping.wait(seconds)
        if self._connection is not None:
            self._ownership.release(self._connection)
        self._disconnect()
        self._prefetcher.close()

    def _poll(self) -> None:
        """Run one round and pause after it; there is no pause while there is more to read."""
        started = time.monotonic()
        result = self._advance_all()
        if result.models:
            self._on_advanced()
        now = time.monotonic()
        if result.models or self._woken.is_set():
            busy_seconds = WOKEN_BUSY_PERIOD_SECONDS if self._is_woken() else BUSY_PERIOD_SECONDS
            self._busy_until = now + busy_seconds
        if not result.models:
            self._woken.wait(self._idle_seconds(now))
        elif self._caught_up_to is not None:
            self._stopping.wait(min(IDLE_POLL_SECONDS, PAUSE_FACTOR * (now - started)))
        self._woken.clear()

    def _idle_seconds(self, now: float) -> float:
        if now < self._busy_until:
            return BUSY_POLL_SECONDS
        return WOKEN_POLL_SECONDS if self._is_woken() else IDLE_POLL_SECONDS

    def _advance_all(self) -> BatchResult:
        """Apply the next batch to each live version that is behind."""
        connection = self._ensure_connected()
        self._renew_leases(connection)
        place = self._source.safe_place()
        high_water_mark = place.position
        if self._is_caught_up_to(place):
            return BatchResult(0, high_water_mark)
        self._caught_up_to = None
        statuses = self._live_versions(connection, place)
        behind = [
            status
            for status in self._ownership.owned(statuses)
            if status.position < high_water_mark and self._is_retry_due(status)
        ]
        groups = group_by_position(behind)
        source = self._prefetcher if len(groups) == 1 else self._source
        result = combine_results(
            [self._advance_group(connection, group, source, place) for group in groups],
            high_water_mark,
        )
        are_all_caught_up = (
            len(behind) == result.models and result.up_to == high_water_mark and not self._failing
        )
        self._caught_up_to = place if statuses and are_all_caught_up else None
        self._next_check = time.monotonic() + CHECK_SECONDS
        return result

    def _renew_leases(self, connection: Connection[Any]) -> None:
        if self._ownership.renew_if_due(connection):
            self._caught_up_to = None
        if self._ownership.has_interrupted_rebuild:
            self._rebuilder.start()

    def _is_caught_up_to(self, place: LogPosition) -> bool:
        """Whether nothing is to be done at a place.

        That a version was resumed or rolled back appends no event, so it is read from time to time.
        """
        is_known = place == self._caught_up_to and time.monotonic() < self._next_check
        return is_known and not self._failing

    def _live_versions(
        self, connection: Connection[Any], place: LogPosition
    ) -> list[VersionStatus]:
        """Return the live versions that can be moved; rebuild those with rows of lost events."""
        statuses = live_versions(connection, self._models)
        # Another process may know a later mark; only the log tells whether events are lost.
        is_beyond = any(status.position > place.position for status in statuses)
        if place.timeline == self._checked_timeline and not is_beyond:
            return statuses
        self._rebuild(mark_lost_versions(connection, self._models))
        self._checked_timeline = place.timeline
        return live_versions(connection, self._models)

    def _is_retry_due(self, status: VersionStatus) -> bool:
        return time.monotonic() >= self._failing.get(status.model.name, (0.0,))[0]

    def _advance_group(
        self,
        connection: Connection[Any],
        group: list[VersionStatus],
        source: EventSource,
        place: LogPosition,
    ) -> BatchResult:
        """Apply a batch to a group in one transaction; if that fails, to each version alone."""
        self._renew_leases(connection)
        try:
            with (
                self._batch_size as limit,
                BATCH_SECONDS.time(),
                span("project", {"easeboard.projections": len(group)}),
            ):
                result = apply_next_batch(
                    connection, group, source, place, limit, owner=self._ownership.process_name
                )
        except Exception as error:
            if is_transient(error):
                raise
            if len(group) > 1:
                results = [
                    self._advance_group(connection, [status], self._source, place)
                    for status in group
                ]
                return combine_results(results, place.position)
            self._record_failure(connection, group[0], error)
            return BatchResult(0, group[0].position)
        for status in group:
            self._failing.pop(status.model.name, None)
        return result

    def _record_failure(
        self, connection: Connection[Any], status: VersionStatus, error: Exception
    ) -> None:
        name, text = status.model.name, describe_error(error)
        _, delays = self._failing.get(name, (0.0, RetryDelays(PROJECTION_BACKOFF)))
        seconds = delays.next_delay()
        self._failing[name] = (time.monotonic() + seconds, delays)
        logger.error("projector.failing", projection=name, error=text, retry_in=seconds)
        connection.execute(
            "UPDATE easeboard.projections SET error = %s WHERE name = %s AND version = %s",
            [text, name, status.version],
        )

    def _ensure_connected(self) -> Connection[Any]:
        if self._connection is None:
            # A suspended process keeps its locks for no longer than its leases.
            self._connection = connect(self._url, idle_seconds=math.ceil(OWNER_LEASE_SECONDS))
            self._rebuild(ensure_versions(self._connection, self._models))
        return self._connection

    def _rebuild(self, outdated: Sequence[str]) -> None:
        if outdated:
            self._rebuilder.start()

    def _disconnect(self) -> None:
        self._caught_up_to = None
        self._ownership.forget()
        self._prefetcher.discard()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
