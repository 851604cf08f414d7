"""An event store and what it needs."""

from collections.abc import Iterator

import pytest

from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import WritePool, open_write_pool


@pytest.fixture
def ring() -> KeyRing:
    return parse_key_ring("hex:" + "0123456789abcdef" * 4)


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
def keys(pool: WritePool, ring: KeyRing) -> PersonKeys:
    return PersonKeys(pool, ring)


@pytest.fixture
def mapper(keys: PersonKeys) -> Mapper:
    return Mapper(keys)


@pytest.fixture
def store(pool: WritePool, keys: PersonKeys) -> Iterator[EventStore]:
    store = EventStore(pool, keys, snapshot_interval_events=2)
    yield store
    store.close()


@pytest.fixture
def reader(pool: WritePool, mapper: Mapper) -> LogReader:
    return LogReader(pool, mapper)
