"""An append takes one round trip, happens once, and says plainly why when it does not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from application.event_metadata import acting
from domain.errors import PersonIsErased, VersionConflict
from domain.sync import Sync
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes
from tests.infrastructure.event_store.aggregate_histories import connection_of, run, sync_of
from tests.infrastructure.event_store.postgres_proxy import Proxy

APPEND_ONE = """
SELECT easeboard.append(
    gen_random_uuid(), %s, false, 'other', NULL, NULL,
    ARRAY[%s]::uuid[], ARRAY[1]::bigint[], ARRAY['Other'], ARRAY['']::bytea[]
)
"""


@pytest.fixture
def line(database_url: str) -> Iterator[Proxy]:
    with Proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def far(line: Proxy, keys: PeopleKeys) -> Iterator[EventStore]:
    """A store at the other end of the line; people's keys come another way."""
    with writes(line.url, size=2) as pool:
        store = EventStore(pool, keys)
        yield store
        store.close()


def count(pool: Pool, person: UUID) -> int:
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT count(*) FROM easeboard.events WHERE person_id = %s", [person]
        ).fetchone()
    assert row
    return int(row[0])


def test_an_append_is_one_round_trip(far: EventStore, line: Proxy) -> None:
    spent = []
    for _ in range(4):
        person = uuid4()
        far.save_now(connection_of(person))
        before = line.round_trips
        far.save_now(run(sync_of(person)))
        spent.append(line.round_trips - before)
    assert min(spent) == 1, "the first append of a connection prepares it"


def test_an_append_whose_answer_was_lost_happened_once(
    far: EventStore, line: Proxy, pool: Pool
) -> None:
    person = uuid4()
    far.save_now(connection_of(person))
    sync = run(sync_of(person))
    with acting("somebody") as who:
        line.eat_answers(1)
        far.save_now(sync)
    assert line.eaten == 1
    assert count(pool, person) == 1 + sync.version
    assert who.position == 1 + sync.version
    assert sync.pending_events == []


def test_answers_lost_twice_in_a_row(far: EventStore, line: Proxy, pool: Pool) -> None:
    person = uuid4()
    far.save_now(connection_of(person))
    line.eat_answers(2)
    far.save_now(sync_of(person))
    assert (line.eaten, count(pool, person)) == (2, 2)


def test_a_conflict_is_a_conflict_also_after_a_lost_answer(
    far: EventStore, line: Proxy, store: EventStore
) -> None:
    person = uuid4()
    far.save_now(connection_of(person))
    store.save_now(sync_of(person))
    line.eat_answers(1)
    with pytest.raises(VersionConflict):
        far.save_now(sync_of(person))


def test_a_database_that_is_gone_is_said_to_be(far: EventStore, line: Proxy) -> None:
    person = uuid4()
    far.save_now(connection_of(person))
    line.eat_answers(1, then_shut=True)
    began = monotonic()
    with pytest.raises(DatabaseUnavailable):
        far.save_now(sync_of(person))
    with pytest.raises(DatabaseBusy):
        far.load_now(Sync, uuid4())
    assert monotonic() - began < 5


async def test_a_full_house_says_so_within_three_seconds(
    database_url: str, keys: PeopleKeys
) -> None:
    with writes(database_url, size=1) as small:
        store = EventStore(small, keys)
        with small.connection():
            began = monotonic()
            with pytest.raises(DatabaseBusy):
                await store.load(Sync, uuid4())
            assert monotonic() - began < 3
        assert not (await store.load(Sync, uuid4())).exists
        store.close()


def test_appends_that_wait_for_each_other_end_in_a_conflict(
    store: EventStore, database_url: str, postgres_url: str
) -> None:
    person = uuid4()
    connection, sync = connection_of(person), sync_of(person)
    database = str(conninfo_to_dict(database_url)["dbname"])
    patient = make_conninfo(postgres_url, dbname=database, options="-c deadlock_timeout=30s")
    with psycopg.connect(patient) as other, ThreadPoolExecutor(1) as thread:
        other.execute(APPEND_ONE, [person, sync.id])
        saving = thread.submit(store.save_now, connection, sync)
        wait_until_blocked(database_url)
        other.execute(APPEND_ONE, [person, connection.id])
        with pytest.raises(VersionConflict):
            saving.result()
        other.rollback()
    store.save_now(connection, sync)


def wait_until_blocked(url: str) -> None:
    deadline = monotonic() + 10
    with psycopg.connect(url, autocommit=True) as connection:
        while monotonic() < deadline:
            row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row and row[0]:
                return
    raise AssertionError("nobody waits")


def test_the_erased_get_no_new_events(store: EventStore, keys: PeopleKeys) -> None:
    person = uuid4()
    store.save_now(connection_of(person))
    keys.destroy(person)
    with pytest.raises(PersonIsErased) as refused:
        store.save_now(sync_of(person))
    assert refused.value == PersonIsErased(person)


def test_nor_by_a_process_that_still_knows_their_key(
    store: EventStore, pool: Pool, keys: PeopleKeys
) -> None:
    person = uuid4()
    store.save_now(connection_of(person))
    PeopleKeys(pool, keys._ring).destroy(person)
    assert keys.sealing(person)
    with pytest.raises(PersonIsErased):
        store.save_now(sync_of(person))


def test_a_callback_hears_of_each_append(pool: Pool, keys: PeopleKeys) -> None:
    heard: list[str] = []
    store = EventStore(pool, keys, on_append=lambda: heard.append("append"))
    person = uuid4()
    store.save_now(connection_of(person))
    store.save_now()
    with pytest.raises(VersionConflict):
        store.save_now(connection_of(person))
    store.close()
    assert heard == ["append"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE easeboard.events SET actor = 'nobody'",
        "DELETE FROM easeboard.events WHERE false",
        "TRUNCATE easeboard.events",
    ],
)
def test_history_cannot_be_changed(database_url: str, change: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is history"),
    ):
        connection.execute(change.encode())
