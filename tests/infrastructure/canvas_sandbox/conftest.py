"""A sandbox to ask."""

from collections.abc import AsyncIterator

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker, asking


@pytest.fixture
async def ask() -> AsyncIterator[Asker]:
    async with asking() as asker:
        yield asker
