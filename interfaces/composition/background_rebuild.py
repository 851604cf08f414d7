"""Rebuilds that admins start and do not wait for."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.rebuild import rebuild_read_model
from projections.registry import READ_MODELS

READ_MODELS_BY_NAME = {model.name: model for model in READ_MODELS}
REBUILD_START_CHECK_SECONDS = 0.3
"""Seconds in which a rebuild that cannot begin says so."""


@dataclass(frozen=True, slots=True)
class BackgroundRebuild:
    """Starts rebuilds in threads that end with the process; a rebuild cut off is gone on with."""

    database_url: str
    event_source: EventSource

    async def __call__(self, name: str) -> None:
        """Start to rebuild; raises KeyError for an unknown name, RebuildRefused when one runs."""
        model, result = READ_MODELS_BY_NAME[name], Future[int]()

        def run_rebuild() -> None:
            try:
                result.set_result(rebuild_read_model(self.database_url, self.event_source, model))
            except BaseException as error:  # noqa: BLE001  # handed to whoever asks
                result.set_exception(error)

        Thread(target=run_rebuild, name=f"rebuild {name}", daemon=True).start()
        awaitable_result = asyncio.wrap_future(result)
        done, _ = await asyncio.wait({awaitable_result}, timeout=REBUILD_START_CHECK_SECONDS)
        if done:
            awaitable_result.result()
