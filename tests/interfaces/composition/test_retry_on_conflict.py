import asyncio
from functools import partial
from uuid import uuid4

import pytest

from domain.errors import VersionConflict
from interfaces.composition.retry_on_conflict import retry_on_conflict


async def test_a_command_is_executed_again_with_the_same_arguments_after_a_conflict() -> None:
    executed: list[tuple[str, str]] = []

    async def execute(command: str, *, store: str) -> str:
        executed.append((command, store))
        if len(executed) < 3:
            raise VersionConflict(uuid4())
        return "result"

    assert await retry_on_conflict(partial(execute, store="log"))("command") == "result"
    assert executed == [("command", "log")] * 3


async def test_a_cancelled_command_is_not_executed_again() -> None:
    executions = 0

    async def execute() -> None:
        nonlocal executions
        executions += 1
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await retry_on_conflict(execute)()
    assert executions == 1
