"""Appends events that decide nothing: those of concurrent callers together, at the end of a stream.

Such events conflict with nothing. Callers of one stream that arrive while an append is under way
share the next one, so that a stream costs one transaction at a time, however many callers it has.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate
from domain.errors import ConnectionBusy

MAX_BATCH_CALLERS = 64
"""Callers whose events are appended in one transaction."""
MAX_WAITING_CALLERS = 1000
"""Callers of one process that may wait for the next append to one stream."""

Decide = Callable[[Any], None]


@dataclass(eq=False, slots=True)
class Caller:
    """One caller who waits until its events are appended."""

    decide: Decide
    context: Context = field(default_factory=copy_context)
    """Has the metadata of the caller's events."""
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


AppendBatch = Callable[[type[Aggregate], UUID, Sequence[Caller]], Any]
"""Appends the events of a batch in one transaction; an awaitable of an error or None for each."""


class BatchedAppends:
    """The callers that wait, by stream, and a task for each stream that has some."""

    def __init__(
        self, append_batch: AppendBatch, *, max_waiting: int = MAX_WAITING_CALLERS
    ) -> None:
        self._append_batch = append_batch
        self._max_waiting = max_waiting
        self._waiting: dict[tuple[type[Aggregate], UUID], list[Caller]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def append(self, kind: type[Aggregate], stream: UUID, decide: Decide) -> None:
        """Wait until the events of `decide` are appended.

        The events of a caller that is cancelled are appended only if the append has begun.

        Raises: what `decide` or the append raises; ConnectionBusy if too many wait already.
        """
        caller, key = Caller(decide), (kind, stream)
        if key in self._waiting:
            if len(self._waiting[key]) >= self._max_waiting:
                raise ConnectionBusy(stream)
            self._waiting[key].append(caller)
        else:
            self._waiting[key] = [caller]
            task = asyncio.create_task(self._run(kind, stream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await caller.done

    async def _run(self, kind: type[Aggregate], stream: UUID) -> None:
        """Append batches until no caller waits; the task outlives callers that are cancelled."""
        waiting = self._waiting[kind, stream]
        batch: list[Caller] = []
        try:
            while waiting:
                batch = [caller for caller in waiting if not caller.done.done()]
                batch = batch[:MAX_BATCH_CALLERS]
                if not batch:
                    return
                del waiting[: waiting.index(batch[-1]) + 1]
                await self._append(kind, stream, batch)
        finally:
            del self._waiting[kind, stream]
            # Only if the task was cancelled, some callers have no result.
            for caller in (*batch, *waiting):
                caller.done.cancel()

    async def _append(self, kind: type[Aggregate], stream: UUID, batch: list[Caller]) -> None:
        try:
            errors = await self._append_batch(kind, stream, batch)
        except Exception as error:  # noqa: BLE001  # each caller gets it
            errors = [error] * len(batch)
        for caller, refusal in zip(batch, errors, strict=True):
            if caller.done.done():
                continue
            if refusal:
                caller.done.set_exception(refusal)
            else:
                caller.done.set_result(None)
