"""Fixtures: a running sandbox with a client."""

from collections.abc import AsyncIterator

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient, open_sandbox_client


@pytest.fixture
async def client() -> AsyncIterator[SandboxClient]:
    async with open_sandbox_client() as sandbox_client:
        yield sandbox_client
