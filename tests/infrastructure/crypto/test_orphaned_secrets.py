"""Secrets without a live event are destroyed; all others remain."""

from contextlib import closing
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from domain.connection import Connection
from infrastructure.crypto import orphaned_secrets
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.orphaned_secrets import OrphanedSecrets
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.fakes import ORIGIN
from tests.infrastructure.crypto.left_secrets import (
    OLD_TOKEN,
    RING,
    store,
    store_address,
    store_token,
)
from tests.infrastructure.event_store.command_processes import (
    TOKEN,
    CommandProcess,
)
from tests.infrastructure.event_store.kept_secrets import named_secrets, stored_secrets

SELECT_TOKENS = "SELECT fingerprint FROM easeboard.canvas_tokens"


@pytest.fixture
def pool(process: CommandProcess) -> WritePool:
    return process.pools.write_pool


@pytest.fixture
async def connection(process: CommandProcess, person: UUID) -> UUID:
    return (await process.set_up(person)).connection_id


async def test_live_secrets_remain(
    process: CommandProcess, sweeper: OrphanedSecrets, person: UUID, database_url: str
) -> None:
    connection = (await process.set_up(person)).connection_id
    await process.share(person)
    rejected = uuid4()
    process.canvas.users = {}
    await process.set_up(rejected)
    await process.rotate(person, connection, "7~newer")
    for _ in range(3):
        await process.validate(person, connection)
    before = stored_secrets(database_url)
    with capture_logs() as lines:
        assert await sweeper.sweep() == 0
    assert stored_secrets(database_url) == before == named_secrets(database_url, RING)
    assert lines == []


async def test_a_token_of_a_connection_without_events_is_destroyed(
    process: CommandProcess, sweeper: OrphanedSecrets, person: UUID, pool: WritePool
) -> None:
    stream = Connection.id_for(person, ORIGIN, 1)
    store_token(process, person, stream, OLD_TOKEN)
    with capture_logs() as lines:
        assert await sweeper.sweep() == 1
    assert execute(pool, SELECT_TOKENS) == []
    assert lines == [
        {
            "event": "orphaned_token_destroyed",
            "log_level": "warning",
            "connection_id": str(stream),
        }
    ]
    assert await sweeper.sweep() == 0


async def test_a_token_of_a_closed_connection_is_destroyed(
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    connection: UUID,
    pool: WritePool,
) -> None:
    await process.close(person, connection)
    store_token(process, person, connection, OLD_TOKEN)
    assert await sweeper.sweep() == 1
    assert execute(pool, SELECT_TOKENS) == []


async def test_of_several_tokens_the_one_that_the_log_names_remains(
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    connection: UUID,
    pool: WritePool,
) -> None:
    for number in range(16):
        store_token(process, person, connection, f"{OLD_TOKEN}-{number}")
    assert await sweeper.sweep() == 16
    assert execute(pool, SELECT_TOKENS) == [(process.vault.fingerprint(connection, TOKEN),)]


async def test_a_single_token_that_the_log_does_not_name_is_destroyed(
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    connection: UUID,
    pool: WritePool,
) -> None:
    store(pool, process.vault.destroying(connection))
    store_token(process, person, connection, OLD_TOKEN)
    execute(
        pool,
        "UPDATE easeboard.canvas_tokens SET created_at = created_at - interval '1 hour'",
    )
    assert await sweeper.sweep() == 1
    assert execute(pool, SELECT_TOKENS) == []


async def test_every_connection_is_in_one_of_the_parts(
    process: CommandProcess, pool: WritePool
) -> None:
    for _ in range(4):
        person = uuid4()
        connection = (await process.set_up(person)).connection_id
        store(pool, process.vault.destroying(connection))
        store_token(process, person, connection, OLD_TOKEN)
    execute(
        pool,
        "UPDATE easeboard.canvas_tokens SET created_at = created_at - interval '1 hour'",
    )
    with closing(OrphanedSecrets(process.store, pool, parts=3)) as sweeper:
        assert sum([await sweeper.sweep() for _ in range(3)]) == 4
    assert execute(pool, SELECT_TOKENS) == []


async def test_a_token_that_canvas_accepted_again_remains(
    process: CommandProcess, sweeper: OrphanedSecrets, person: UUID, pool: WritePool
) -> None:
    """The row is then older than the event that names it once more."""
    connection = (await process.set_up(person)).connection_id
    execute(
        pool,
        "UPDATE easeboard.canvas_tokens SET created_at = created_at - interval '1 hour'",
    )
    loaded = await process.store.load(Connection, connection)
    loaded.reject_token("Revoked")
    await process.store.save(loaded)
    await process.validate(person, connection)
    assert (await process.store.load(Connection, connection)).version == 3
    assert await sweeper.sweep() == 0
    assert len(execute(pool, SELECT_TOKENS)) == 1


async def test_the_address_of_an_ended_calendar_is_destroyed(
    process: CommandProcess, sweeper: OrphanedSecrets, person: UUID, database_url: str
) -> None:
    await process.share(person)
    await process.end_calendar(person)
    store_address(process, person)
    other = uuid4()
    await process.share(other)
    with capture_logs() as lines:
        assert await sweeper.sweep() == 1
    assert stored_secrets(database_url).calendars == [other]
    assert [(line["event"], line["person_id"]) for line in lines] == [
        ("orphaned_address_destroyed", str(person))
    ]


async def test_an_address_of_an_earlier_release_remains(
    process: CommandProcess, sweeper: OrphanedSecrets, person: UUID, database_url: str
) -> None:
    store_address(process, person)
    assert await sweeper.sweep() == 0
    assert stored_secrets(database_url).calendars == [person]


@pytest.mark.parametrize("has_events", [True, False])
async def test_the_secrets_of_an_erased_person_are_destroyed(
    *,
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    database_url: str,
    has_events: bool,
) -> None:
    if has_events:
        await process.set_up(person)
        await process.share(person)
    else:
        store_token(process, person, Connection.id_for(person, ORIGIN, 1), TOKEN)
        store_address(process, person)
    process.store._keys.destroy(person)  # type: ignore[attr-defined]  # these are PersonKeys
    assert await sweeper.sweep() == 2
    assert stored_secrets(database_url) == ([], [], [])


async def test_a_new_secret_is_not_checked_yet(
    process: CommandProcess, person: UUID, pool: WritePool
) -> None:
    """A process of an earlier release may be about to append its event."""
    store_token(process, person, Connection.id_for(person, ORIGIN, 1), OLD_TOKEN)
    await process.share(person)
    await process.end_calendar(person)
    store_address(process, person)
    with closing(OrphanedSecrets(process.store, pool)) as sweeper:
        assert await sweeper.sweep() == 0


@pytest.mark.parametrize("kind", ["token", "calendar"])
async def test_a_secret_that_becomes_live_during_the_sweep_remains(
    *,
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """It was checked, and then stored once more by a command whose event names it."""
    if kind == "token":
        store_token(process, person, Connection.id_for(person, ORIGIN, 1), TOKEN)
    else:
        await process.share(person)
        await process.end_calendar(person)
        store_address(process, person)
    delete = sweeper._delete

    async def delete_later(*arguments: object) -> bool:
        await (process.set_up(person) if kind == "token" else process.share(person))
        return await delete(*arguments)  # type: ignore[arg-type]  # they are passed on

    monkeypatch.setattr(sweeper, "_delete", delete_later)
    assert await sweeper.sweep() == 0
    stored = stored_secrets(database_url)
    assert stored == named_secrets(database_url, RING)
    assert stored.tokens if kind == "token" else stored.calendars


async def test_a_connection_that_cannot_be_read_keeps_its_tokens(
    process: CommandProcess, person: UUID, connection: UUID, pool: WritePool
) -> None:
    store_token(process, person, connection, OLD_TOKEN)
    wrong = KeyRing([parse_key_ring("hex:" + "fedcba9876543210" * 4).newest])
    with (
        closing(EventStore(pool, PersonKeys(pool, wrong))) as unreadable,
        closing(OrphanedSecrets(unreadable, pool, min_age_seconds=-1)) as sweeper,
        capture_logs() as lines,
    ):
        assert await sweeper.sweep() == 0
    assert len(execute(pool, SELECT_TOKENS)) == 2
    assert [line["event"] for line in lines] == ["orphan_check_failed"] * 2
    assert all(TOKEN not in str(line) and OLD_TOKEN not in str(line) for line in lines)


def test_one_sweep_of_many_secrets_reads_few_pages(database_url: str) -> None:
    """Each token costs index probes, whatever its connection and the log have."""
    with open_write_pool(database_url, size=1) as pool:
        execute(
            pool,
            """
            INSERT INTO easeboard.canvas_tokens
                (connection_id, fingerprint, person_id, key_id, wrapped, sealed)
            SELECT gen_random_uuid(), 'c0ffee00', gen_random_uuid(), 'k1', '', ''
              FROM generate_series(1, 2000)
            """,
        )
        rows = execute(
            pool,
            "EXPLAIN " + orphaned_secrets.SELECT_SUSPECT_TOKENS,
            [300.0, 16, 3, 10],
        )
    plan = "\n".join(line for (line,) in rows)
    assert "Seq Scan on events" not in plan
    assert plan.count("events_stream_version") == 2
