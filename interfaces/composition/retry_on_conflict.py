"""Commands decide again when somebody else recorded something first."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from domain.errors import VersionConflict

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 4
LONGEST_PAUSE = 0.05


def retrying(command: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The command, asked up to four times while streams move under it; then VersionConflict."""

    @wraps(command)
    async def decided(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return await command(*args, **kwargs)
            except VersionConflict:
                await asyncio.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311  # spreads rivals
        return await command(*args, **kwargs)

    return decided
