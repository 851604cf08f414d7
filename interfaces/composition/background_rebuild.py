"""Rebuilds that admins start and do not wait for."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from infrastructure.projection_engine.event_source import Log
from infrastructure.projection_engine.rebuild import rebuild
from projections.registry import READ_MODELS

MODELS = {model.name: model for model in READ_MODELS}
AT_ONCE = 0.3
"""Seconds in which a rebuild that cannot begin says so."""


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Starts rebuilds in threads that end with the process; a rebuild cut off is gone on with."""

    database_url: str
    log: Log

    async def __call__(self, name: str) -> None:
        """Start to rebuild; raises KeyError for an unknown name, RebuildRefused when one runs."""
        model, ended = MODELS[name], Future[int]()

        def build() -> None:
            try:
                ended.set_result(rebuild(self.database_url, self.log, model))
            except BaseException as error:  # noqa: BLE001  # handed to whoever asks
                ended.set_exception(error)

        Thread(target=build, name=f"rebuild {name}", daemon=True).start()
        waiting = asyncio.wrap_future(ended)
        done, _ = await asyncio.wait({waiting}, timeout=AT_ONCE)
        if done:
            waiting.result()
