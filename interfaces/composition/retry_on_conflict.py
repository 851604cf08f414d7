"""Commands decide again when somebody else recorded something first."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from domain.errors import VersionConflict

P = ParamSpec("P")
T = TypeVar("T")

MAX_COMMAND_ATTEMPTS = 4
MAX_CONFLICT_PAUSE_SECONDS = 0.05


def retry_on_conflict(command: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The command, asked up to four times while streams move under it; then VersionConflict."""

    @wraps(command)
    async def with_retries(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(MAX_COMMAND_ATTEMPTS - 1):
            try:
                return await command(*args, **kwargs)
            except VersionConflict:
                await asyncio.sleep(random.uniform(0, MAX_CONFLICT_PAUSE_SECONDS))  # noqa: S311  # spreads rivals
        return await command(*args, **kwargs)

    return with_retries
