"""The effects of the connection commands on the event log, the vault and the queue."""

from collections.abc import Sequence

import pytest

from application.ports import CanvasUser, SecretChange
from application.set_up_connection import SetUpConnection, set_up_connection
from domain.aggregate import Aggregate
from domain.errors import (
    CanvasForbidden,
    CanvasTokenRejected,
    CanvasUrlNotAllowed,
    CanvasUserMismatch,
    ConnectionExists,
    ConnectionNotFound,
)
from tests.application.conftest import PERSON, TOKEN, Application
from tests.application.connection_commands import NEW_TOKEN, close, rotate, validate
from tests.fakes import ORIGIN

FOREIGN_TOKEN = "7~token-of-grace"


async def test_setup_opens_a_connection_stores_its_token_and_queues_a_run(app: Application) -> None:
    connection_id = await app.set_up()
    connection = await app.connection(connection_id)
    assert (connection.status, connection.canvas_user_name) == ("active", "Ada")
    assert app.vault.tokens == {(connection_id, connection.token_fingerprint): TOKEN}
    assert app.queue.queued == [connection_id]


async def test_a_connection_without_a_name_is_named_by_its_host(app: Application) -> None:
    command = SetUpConnection(person_id=PERSON, canvas_url=ORIGIN, api_token=TOKEN)
    queued = await set_up_connection(
        command, store=app.store, vault=app.vault, canvas=app.canvas, queue=app.queue
    )
    connection = await app.connection(queued.connection_id)
    assert connection.canvas_name == ORIGIN.removeprefix("https://")


async def test_the_event_log_does_not_contain_the_token(app: Application) -> None:
    await app.set_up()
    assert TOKEN.encode() not in app.store.bytes()


async def test_a_token_that_canvas_rejects_stores_nothing(app: Application) -> None:
    with pytest.raises(CanvasTokenRejected):
        await app.set_up("7~unknown")
    assert (app.vault.tokens, app.queue.queued, app.store.bytes()) == ({}, [], b"")


async def test_a_second_open_connection_to_one_canvas_is_refused(app: Application) -> None:
    connection_id = await app.set_up()
    with pytest.raises(ConnectionExists) as refused:
        await app.set_up()
    assert refused.value.connection_id == connection_id


async def test_a_person_can_connect_again_after_closing(app: Application) -> None:
    first = await app.set_up()
    await close(app, first)
    second = await app.set_up()
    assert second != first
    assert (await app.connection(second)).status == "active"


async def test_closing_destroys_the_token_and_cancels_the_run(app: Application) -> None:
    connection_id = await app.set_up()
    await close(app, connection_id)
    assert app.vault.tokens == {}
    run = (await app.sync(connection_id)).run
    assert run is not None
    assert run["status"] == "cancelled"


async def test_a_close_that_is_not_recorded_destroys_nothing_and_can_be_repeated(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = await app.set_up()
    with monkeypatch.context() as cut:
        cut.setattr(app.store, "save", lose_connection)
        with pytest.raises(ConnectionResetError):
            await close(app, connection_id)
    assert list(app.vault.tokens.values()) == [TOKEN]
    await close(app, connection_id)
    assert (await app.connection(connection_id)).status == "closed"
    assert app.vault.tokens == {}


async def lose_connection(*aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
    raise ConnectionResetError(aggregates, secrets)


async def test_a_new_token_replaces_the_stored_one(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.users[NEW_TOKEN] = CanvasUser("42", "Ada")
    await rotate(app, connection_id, NEW_TOKEN)
    assert list(app.vault.tokens.values()) == [NEW_TOKEN]


async def test_a_token_of_another_canvas_user_is_refused(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.users[FOREIGN_TOKEN] = CanvasUser("43", "Grace")
    with pytest.raises(CanvasUserMismatch):
        await rotate(app, connection_id, FOREIGN_TOKEN)
    assert list(app.vault.tokens.values()) == [TOKEN]


async def test_a_new_token_after_a_rejected_one_queues_a_run_at_once(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasTokenRejected("Expired")
    await app.run_next()
    app.canvas.failure = None
    app.canvas.users[NEW_TOKEN] = CanvasUser("42", "Ada")
    await rotate(app, connection_id, NEW_TOKEN)
    assert (await app.last_run(connection_id))["status"] == "queued"
    assert app.queue.queued == [connection_id]


async def test_a_new_token_of_an_active_connection_queues_no_run(app: Application) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    app.canvas.users[NEW_TOKEN] = CanvasUser("42", "Ada")
    await rotate(app, connection_id, NEW_TOKEN)
    assert (await app.last_run(connection_id))["status"] == "completed"


async def test_validation_records_a_rejected_token_and_reactivates_an_accepted_one(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    user = app.canvas.users.pop(TOKEN)
    assert await validate(app, connection_id) == "Canvas does not know this token."
    assert (await app.connection(connection_id)).status == "token_rejected"
    app.canvas.users[TOKEN] = user
    assert await validate(app, connection_id) is None
    assert (await app.connection(connection_id)).status == "active"


async def test_a_token_without_permission_is_invalid_but_not_rejected(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasForbidden("no scope")
    assert await validate(app, connection_id) == "no scope"
    assert (await app.connection(connection_id)).status == "active"


async def test_the_same_token_is_encrypted_anew_and_recorded_once(app: Application) -> None:
    connection_id = await app.set_up()
    await rotate(app, connection_id, TOKEN)
    assert (await app.connection(connection_id)).version == 1
    assert list(app.vault.tokens.values()) == [TOKEN]


async def test_a_run_of_a_connection_whose_token_is_missing_fails(app: Application) -> None:
    connection_id = await app.set_up()
    app.vault.tokens.clear()
    await app.run_next()
    assert (await app.last_run(connection_id))["status"] == "failed"
    with pytest.raises(ConnectionNotFound):
        await validate(app, connection_id)


async def test_a_closed_connection_is_not_found(app: Application) -> None:
    connection_id = await app.set_up()
    await close(app, connection_id)
    with pytest.raises(ConnectionNotFound):
        await validate(app, connection_id)


async def test_no_token_is_stored_for_a_url_that_is_not_allowed(app: Application) -> None:
    app.canvas.allowed_origin = refuse_url  # type: ignore[method-assign]  # a Canvas that allows nothing
    with pytest.raises(CanvasUrlNotAllowed):
        await app.set_up()
    assert app.vault.tokens == {}


def refuse_url(url: str) -> str:
    raise CanvasUrlNotAllowed(url)


@pytest.mark.parametrize("is_accepted", [True, False])
async def test_a_connection_that_is_closed_during_a_validation_is_not_found(
    app: Application, monkeypatch: pytest.MonkeyPatch, *, is_accepted: bool
) -> None:
    connection_id = await app.set_up()
    fetch_user = app.canvas.fetch_user

    async def close_first(origin: str, token: str) -> CanvasUser:
        await close(app, connection_id)
        return await fetch_user(origin, token)

    monkeypatch.setattr(app.canvas, "fetch_user", close_first)
    if not is_accepted:
        app.canvas.users.clear()
    with pytest.raises(ConnectionNotFound):
        await validate(app, connection_id)
    assert (await app.connection(connection_id)).version == 2
