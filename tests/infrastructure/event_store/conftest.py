"""A store, and everything it stands on."""

from collections.abc import Iterator

import pytest

from infrastructure.crypto.master_key import KeyRing, key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes


@pytest.fixture
def ring() -> KeyRing:
    return key_ring("hex:" + "0123456789abcdef" * 4)


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with writes(database_url) as pool:
        yield pool


@pytest.fixture
def keys(pool: Pool, ring: KeyRing) -> PeopleKeys:
    return PeopleKeys(pool, ring)


@pytest.fixture
def mapper(keys: PeopleKeys) -> Mapper:
    return Mapper(keys)


@pytest.fixture
def store(pool: Pool, keys: PeopleKeys) -> Iterator[EventStore]:
    store = EventStore(pool, keys, snapshot_every=2)
    yield store
    store.close()


@pytest.fixture
def reader(pool: Pool, mapper: Mapper) -> LogReader:
    return LogReader(pool, mapper)
