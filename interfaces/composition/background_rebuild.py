"""Rebuilds of read models that an admin starts over HTTP without waiting for the end."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.rebuild import rebuild_read_model
from projections.registry import READ_MODELS

READ_MODELS_BY_NAME = {model.name: model for model in READ_MODELS}
REBUILD_START_CHECK_SECONDS = 0.3
"""How long a call waits for the rebuild to fail at its start, so that it can raise that error."""


@dataclass(frozen=True, slots=True)
class BackgroundRebuild:
    """Starts each rebuild in a daemon thread.

    If the process ends before the rebuild does, another process continues it.
    """

    database_url: str
    event_source: EventSource

    async def __call__(self, name: str) -> None:
        """Start to rebuild a read model, and return while the rebuild continues.

        Raises:
            KeyError: If no read model has this name.
            RebuildRefused: If a rebuild of it is running already.
        """
        model, result = READ_MODELS_BY_NAME[name], Future[int]()

        def run_rebuild() -> None:
            try:
                result.set_result(rebuild_read_model(self.database_url, self.event_source, model))
            except BaseException as error:  # noqa: BLE001  # the caller of the future raises it
                result.set_exception(error)

        Thread(target=run_rebuild, name=f"rebuild {name}", daemon=True).start()
        awaitable_result = asyncio.wrap_future(result)
        done, _ = await asyncio.wait({awaitable_result}, timeout=REBUILD_START_CHECK_SECONDS)
        if done:
            awaitable_result.result()
