"""Executes a command again if another command appended to one of its streams first."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from infrastructure.postgres.retry import retry_conflicts

P = ParamSpec("P")
T = TypeVar("T")


def retry_on_conflict(command: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Wrap a command so that it is executed up to four times while it raises VersionConflict.

    Raises: VersionConflict if the last attempt meets a conflict too.
    """

    @wraps(command)
    async def with_retries(*args: P.args, **kwargs: P.kwargs) -> T:
        return await retry_conflicts(command, *args, **kwargs)

    return with_retries
