"""The idempotency keys of two processes, which share one database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.infrastructure.idempotency.claims import OLD, OTHER, OWN


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
def alive() -> set[str]:
    """The names of the processes that are alive."""
    return {OWN, OTHER}


@pytest.fixture
def open_keys(pool: WritePool, alive: set[str]) -> Iterator[Callable[..., IdempotencyKeys]]:
    """Opens the keys of a process, which are closed at the end."""

    async def is_alive(process: str) -> bool:
        return process in alive

    with ExitStack() as stack:

        def open_one(process: str = OWN, ring: str = OLD) -> IdempotencyKeys:
            master_keys = parse_key_ring(ring)
            people = PersonKeys(pool, master_keys, cache_seconds=0)
            keys = IdempotencyKeys(pool, people, master_keys, process=process, is_alive=is_alive)
            return stack.enter_context(closing(keys))

        yield open_one


@pytest.fixture
def idempotency_keys(open_keys: Callable[..., IdempotencyKeys]) -> IdempotencyKeys:
    return open_keys()


@pytest.fixture
def other_process(open_keys: Callable[..., IdempotencyKeys]) -> IdempotencyKeys:
    return open_keys(OTHER)
