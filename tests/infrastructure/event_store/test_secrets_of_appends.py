"""A secret is stored and destroyed with its event, wherever the connection breaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID, uuid4

import pytest

from application.ports import CanvasUser
from domain.connection import Connection
from domain.errors import CanvasTokenRejected, ConnectionNotFound, PersonIsErased, VersionConflict
from domain.sync import Sync
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from tests.fakes import ORIGIN
from tests.infrastructure.event_store.command_processes import (
    TOKEN,
    CommandProcess,
    CountingCanvas,
    open_process,
)
from tests.infrastructure.event_store.cutting_proxy import CuttingProxy
from tests.infrastructure.event_store.kept_secrets import named_secrets, stored_secrets

NEW_TOKEN = "7~the-second-token-of-ada"
MIN_REQUESTS, MAX_REQUESTS = 3, 40
"""A command sends more than the first and fewer than the second number of requests."""

Execute = Callable[[CommandProcess, UUID, UUID], Awaitable[object]]


@pytest.fixture
def proxy(database_url: str) -> Iterator[CuttingProxy]:
    with CuttingProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def canvas() -> CountingCanvas:
    return CountingCanvas(seconds=0)


@pytest.fixture
async def process(
    database_url: str, ring: KeyRing, canvas: CountingCanvas
) -> AsyncIterator[CommandProcess]:
    async with open_process(database_url, ring, canvas) as process:
        yield process


@pytest.fixture
async def fragile(
    proxy: CuttingProxy, ring: KeyRing, canvas: CountingCanvas
) -> AsyncIterator[CommandProcess]:
    """A process whose connections break."""
    async with open_process(proxy.url, ring, canvas) as process:
        yield process


@pytest.fixture
def person() -> UUID:
    return uuid4()


COMMANDS: dict[str, Execute] = {
    "set up": lambda process, _, __: process.set_up(uuid4()),
    "rotate": lambda process, person, connection: process.rotate(
        person, connection, f"7~{uuid4()}"
    ),
    "rotate to the same": lambda process, person, connection: process.rotate(
        person, connection, TOKEN
    ),
    "close": lambda process, person, connection: process.close(person, connection),
    "share": lambda process, person, _: process.share(person),
    "end": lambda process, person, _: process.end_calendar(person),
}


@pytest.mark.parametrize("loses_response", [False, True], ids=["request", "response"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_connection_that_breaks_at_any_request_leaves_what_the_log_names(
    *,
    process: CommandProcess,
    fragile: CommandProcess,
    proxy: CuttingProxy,
    database_url: str,
    ring: KeyRing,
    command: str,
    loses_response: bool,
) -> None:
    for request in range(1, MAX_REQUESTS):
        person = uuid4()
        connection = (await process.set_up(person)).connection_id
        await process.share(person)
        before = proxy.cuts
        proxy.cut_at(request, loses_response=loses_response)
        await COMMANDS[command](fragile, person, connection)
        stored, named = stored_secrets(database_url), named_secrets(database_url, ring)
        assert stored == named, f"request {request} of the command"
        if proxy.cuts == before:
            assert request > MIN_REQUESTS, "the connection was broken in the transaction too"
            return
    raise AssertionError("the command sends too many requests")


async def test_a_token_that_is_checked_while_the_connection_is_closed_is_not_stored(
    process: CommandProcess, person: UUID, database_url: str, ring: KeyRing
) -> None:
    connection = (await process.set_up(person)).connection_id
    process.canvas.seconds, process.canvas.was_requested = 0.1, asyncio.Event()
    rotation = asyncio.create_task(process.rotate(person, connection, NEW_TOKEN))
    await process.canvas.was_requested.wait()
    await process.close(person, connection)
    with pytest.raises(ConnectionNotFound):
        await rotation
    assert stored_secrets(database_url).tokens == []
    assert stored_secrets(database_url) == named_secrets(database_url, ring)


async def test_a_setup_of_a_person_who_is_erased_meanwhile_stores_nothing(
    process: CommandProcess, person: UUID, database_url: str, ring: KeyRing
) -> None:
    process.canvas.seconds = 0.1
    setup = asyncio.create_task(process.set_up(person))
    await process.canvas.was_requested.wait()
    PersonKeys(process.pools.write_pool, ring).destroy(person)
    with pytest.raises(PersonIsErased):
        await setup
    with pytest.raises(PersonIsErased):
        await process.share(person)
    assert stored_secrets(database_url) == ([], [], [])


async def test_a_rotation_of_a_person_who_is_erased_stores_no_token(
    process: CommandProcess, person: UUID, database_url: str, ring: KeyRing
) -> None:
    connection = (await process.set_up(person)).connection_id
    before = stored_secrets(database_url).tokens
    process.canvas.seconds, process.canvas.was_requested = 0.1, asyncio.Event()
    rotation = asyncio.create_task(process.rotate(person, connection, NEW_TOKEN))
    await process.canvas.was_requested.wait()
    PersonKeys(process.pools.write_pool, ring).destroy(person)
    with pytest.raises((PersonIsErased, ConnectionNotFound)):
        await rotation
    assert stored_secrets(database_url).tokens == before


async def test_a_conflict_stores_and_destroys_nothing(
    process: CommandProcess, person: UUID, database_url: str
) -> None:
    stream = (await process.set_up(person)).connection_id
    slow = await process.store.load(Connection, stream)
    await process.rotate(person, stream, NEW_TOKEN)
    before = stored_secrets(database_url)
    slow.rotate_token("42", process.vault.fingerprint(stream, "7~late"))
    late = process.vault.storing(person, stream, ORIGIN, "7~late")
    others = process.vault.destroying(stream, keep=process.vault.fingerprint(stream, "7~late"))
    with pytest.raises(VersionConflict):
        await process.store.save(slow, secrets=[late, others])
    assert stored_secrets(database_url) == before


async def test_a_refused_token_stores_nothing_and_no_key(
    process: CommandProcess, person: UUID, database_url: str
) -> None:
    with pytest.raises(CanvasTokenRejected):
        await process.set_up(person, "unknown")
    assert stored_secrets(database_url) == ([], [], [])


async def test_the_same_token_adds_no_row_that_was_destroyed(
    process: CommandProcess, person: UUID, database_url: str
) -> None:
    stream = (await process.set_up(person)).connection_id
    same = process.vault.replacing(person, stream, ORIGIN, TOKEN)
    await process.close(person, stream)
    await process.store.save(secrets=[same])
    assert stored_secrets(database_url).tokens == []


async def test_the_same_token_is_encrypted_once_more(
    process: CommandProcess, person: UUID, database_url: str
) -> None:
    stream = (await process.set_up(person)).connection_id
    before = stored_secrets(database_url)
    await process.rotate(person, stream, TOKEN)
    assert stored_secrets(database_url) == before
    connection = await process.store.load(Connection, stream)
    assert connection.version == 1
    fingerprint = connection.token_fingerprint
    assert await process.vault.load(person, stream, ORIGIN, fingerprint) == TOKEN


async def test_a_new_token_for_a_rejected_one_queues_a_run_and_a_close_cancels_it(
    process: CommandProcess, person: UUID, database_url: str
) -> None:
    process.canvas.users = {"unknown": CanvasUser("42", "Ada")}
    stream = (await process.set_up(person, "unknown")).connection_id
    await process.cancel(person, stream)
    process.canvas.users = {}
    assert await process.validate(person, stream)
    process.queue.queued.clear()
    await process.rotate(person, stream, NEW_TOKEN)
    sync = await process.store.load(Sync, Sync.id_for(stream))
    assert sync.active_run
    assert process.queue.queued == [stream]
    await process.close(person, stream)
    sync = await process.store.load(Sync, Sync.id_for(stream))
    assert sync.active_run is None
    assert stored_secrets(database_url).tokens == []
