"""A Redis server for each test, which can be killed, paused and started again.

These tests are collected only if redis-server is installed, and always in CI.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure.rate_limiting.redis_server import REDIS_BINARY, RedisServer

collect_ignore_glob = [] if REDIS_BINARY or os.environ.get("CI") else ["test_redis*.py"]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    assert REDIS_BINARY, "redis-server is missing: apt-get install redis-server"
    directory = Path(tempfile.mkdtemp(prefix="easeboard-redis-"))
    server = RedisServer(REDIS_BINARY, directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)
