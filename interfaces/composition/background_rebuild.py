"""What an admin does with read models over HTTP: long work goes on in the background."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any
from uuid import uuid4

import structlog

from application.event_metadata import current_metadata
from application.ports import Store
from infrastructure.event_store.errors import describe_error
from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.letter_actions import LetterActions
from infrastructure.projection_engine.pause import pause_projection, resume_projection
from infrastructure.projection_engine.rebuild import rebuild_read_model, request_rebuild
from infrastructure.projection_engine.rebuild_steps import RebuildRunning
from infrastructure.projection_engine.rollback import roll_back
from infrastructure.projection_engine.verification import verify_read_model
from infrastructure.projection_engine.versions import connect
from interfaces.composition.verdict_recorder import VerdictRecorder
from projections.registry import READ_MODELS

READ_MODELS_BY_NAME = {model.name: model for model in READ_MODELS}
START_CHECK_SECONDS = 0.3
"""How long a call waits for the work to fail at its start, so that it can raise that error."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProjectionControl:
    """Starts long work in daemon threads, and does the rest at once; each takes a name.

    If the process ends before a rebuild does, another process continues it. Names that do not
    exist raise KeyError.
    """

    database_url: str
    event_source: PeopleSource
    store: Store

    @property
    def letters(self) -> LetterActions:
        """The dead letters of the read models."""
        return LetterActions(self.database_url, self.event_source, READ_MODELS_BY_NAME)

    async def rebuild(self, name: str) -> None:
        """Start to rebuild a read model; one that is running already goes on.

        It goes on in another process if this one ends.

        Raises: RebuildRefused if the read model does not exist yet.
        """
        model, builder, recorder = READ_MODELS_BY_NAME[name], uuid4(), self._recorder()
        try:
            await asyncio.to_thread(request_rebuild, self.database_url, model, builder)
        except RebuildRunning:
            return
        work = partial(
            rebuild_read_model,
            self.database_url,
            self.event_source,
            model,
            report_check=recorder.record_check,
            builder=builder,
        )
        await _start(f"rebuild {name}", work)

    async def verify(self, name: str) -> None:
        """Start to verify a read model; the list of read models has the result.

        Raises: VerificationRefused if its live version cannot be verified.
        """
        model = READ_MODELS_BY_NAME[name]
        recorder = self._recorder()

        def verify() -> None:
            found = verify_read_model(self.database_url, self.event_source, model)
            recorder.record_verification(found)

        await _start(f"verify {name}", verify)

    async def roll_back(self, name: str) -> None:
        """Start to go back to the version that was live before.

        Raises: RollbackRefused if there is none; RebuildRefused if a rebuild is running.
        """
        model = READ_MODELS_BY_NAME[name]
        await _start(
            f"roll back {name}", partial(roll_back, self.database_url, self.event_source, model)
        )

    async def pause(self, name: str) -> None:
        """Apply no further events to a read model."""
        await asyncio.to_thread(self._change, pause_projection, READ_MODELS_BY_NAME[name].name)

    async def resume(self, name: str) -> None:
        """Apply events to a read model again."""
        await asyncio.to_thread(self._change, resume_projection, READ_MODELS_BY_NAME[name].name)

    def _recorder(self) -> VerdictRecorder:
        """Return what records verdicts for the administrator whose command is executed now."""
        return VerdictRecorder(self.store, asyncio.get_running_loop(), current_metadata().actor)

    def _change(self, change: Callable[[Any, str], None], name: str) -> None:
        with connect(self.database_url) as connection:
            change(connection, name)


async def _start(title: str, work: Callable[[], object]) -> None:
    """Run work in a thread, and return while it continues; raise what it raises at its start."""
    result = Future[object]()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001  # the caller of the future raises it
            logger.warning("projection.work_failed", work=title, error=describe_error(error))
            result.set_exception(error)

    Thread(target=run, name=title, daemon=True).start()
    awaitable_result = asyncio.wrap_future(result)
    done, _ = await asyncio.wait({awaitable_result}, timeout=START_CHECK_SECONDS)
    if done:
        awaitable_result.result()
