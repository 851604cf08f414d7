"""Rebuilds what is outdated, and continues rebuilds whose process died, in a thread of a daemon."""

import random
import threading
from collections.abc import Sequence

import structlog

from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.retry import RetryDelays
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.read_model import ReadModelDefinition, fingerprint
from infrastructure.projection_engine.rebuild import (
    PROJECTION_BACKOFF,
    RebuildProgress,
    RebuildStopped,
    rebuild_read_model,
)
from infrastructure.projection_engine.rebuild_steps import (
    RebuildLost,
    RebuildRefused,
)
from infrastructure.projection_engine.switch_check import ReportCheck, ignore_check
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from infrastructure.projection_engine.versions import connect

OTHERS_POLL_SECONDS = 1.0
"""Seconds until the next look if other processes are rebuilding everything that is outdated."""

SELECT_INTERRUPTED = """
SELECT name, split_part(fingerprint, '/', 1)
  FROM easeboard.projections
 WHERE role = 'building'
   AND retired_at IS NULL
   AND error IS NULL
   AND builder_seen_at < clock_timestamp() - make_interval(secs => %s)
 ORDER BY name
"""
"""One that has failed is not among them, and no rollback: an administrator repeats these."""

logger = structlog.get_logger()


class Rebuilder:
    """Rebuilds read models one after the other; several processes take different ones."""

    def __init__(
        self,
        url: str,
        source: EventSource,
        models: Sequence[ReadModelDefinition],
    ) -> None:
        self._url = url
        self._source = source
        self._models = models
        self.report_check: ReportCheck = ignore_check
        """Gets what is found before each cut-over."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work unless it works already; it ends when nothing is left to do."""
        if self._stopping.is_set() or (self._thread and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="rebuilder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch; another process continues at once."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        """Rebuild until nothing is left. Every error is logged and retried with back-off."""
        delays = RetryDelays(PROJECTION_BACKOFF)
        while not self._stopping.is_set():
            try:
                waiting = self._waiting()
                if not waiting:
                    return
                if not any(self._try_to_rebuild(model) for model in waiting):
                    self._stopping.wait(OTHERS_POLL_SECONDS)
                delays.reset()
            except RebuildStopped:
                return
            except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
                logger.warning("projection.rebuild_failed", error=describe_error(error))
                self._stopping.wait(delays.next_delay())

    def _try_to_rebuild(self, model: ReadModelDefinition) -> bool:
        """Rebuild a read model, unless another process does it; return whether it was done."""
        try:
            version = rebuild_read_model(
                self._url, self._source, model, self._stop_if_requested, self.report_check
            )
        except (RebuildRefused, RebuildLost):
            return False
        logger.info("projection.rebuilt", projection=model.name, version=version)
        return True

    def _waiting(self) -> list[ReadModelDefinition]:
        outdated = ensure_read_models(self._url, self._models)
        with connect(self._url) as connection:
            rows = connection.execute(SELECT_INTERRUPTED, [REBUILD_LEASE_SECONDS]).fetchall()
        return [
            model
            for model in self._in_random_order()
            if model.name in outdated or (model.name, fingerprint(model)) in rows
        ]

    def _in_random_order(self) -> list[ReadModelDefinition]:
        """Return all read models in random order, so that one that fails does not stop others."""
        return random.sample(list(self._models), len(self._models))

    def _stop_if_requested(self, _: RebuildProgress) -> None:
        if self._stopping.is_set():
            raise RebuildStopped
