"""What reaches the log, the vault and the queue when connections are set up and ended."""

from uuid import UUID

import pytest

from application.close_connection import CloseConnection, close_connection
from application.ports import CanvasUser
from application.rotate_token import RotateToken, rotate_token
from application.validate_connection import ValidateConnection, validate_connection
from domain.aggregate import Aggregate
from domain.errors import (
    CanvasForbidden,
    CanvasTokenRejected,
    CanvasUrlNotAllowed,
    CanvasUserMismatch,
    ConnectionExists,
    ConnectionNotFound,
)
from tests.application.conftest import PERSON, TOKEN, House
from tests.fakes import ORIGIN

NEWER = "7~second-token-of-ada"
FOREIGN = "7~token-of-grace"


async def test_setting_up_opens_keeps_and_queues(house: House) -> None:
    connection_id = await house.set_up()
    connection = await house.connection(connection_id)
    assert (connection.status, connection.canvas_user_name) == ("active", "Ada")
    assert house.vault.kept == {(connection_id, connection.token_fingerprint): TOKEN}
    assert house.queue.queued == [connection_id]


async def test_the_token_is_nowhere_in_the_log(house: House) -> None:
    await house.set_up()
    assert TOKEN.encode() not in house.store.bytes()


async def test_a_token_canvas_does_not_know_leaves_nothing(house: House) -> None:
    with pytest.raises(CanvasTokenRejected):
        await house.set_up("7~unknown")
    assert (house.vault.kept, house.queue.queued, house.store.bytes()) == ({}, [], b"")


async def test_one_open_connection_to_a_canvas(house: House) -> None:
    connection_id = await house.set_up()
    with pytest.raises(ConnectionExists) as refused:
        await house.set_up()
    assert refused.value.connection_id == connection_id


async def test_after_closing_one_may_connect_again(house: House) -> None:
    first = await house.set_up()
    await close(house, first)
    second = await house.set_up()
    assert second != first
    assert (await house.connection(second)).status == "active"


async def close(house: House, connection_id: UUID) -> None:
    command = CloseConnection(person_id=PERSON, connection_id=connection_id)
    await close_connection(command, store=house.store, vault=house.vault)


async def test_closing_destroys_the_token_and_stops_the_run(house: House) -> None:
    connection_id = await house.set_up()
    await close(house, connection_id)
    assert house.vault.kept == {}
    run = (await house.sync(connection_id)).run
    assert run is not None
    assert run["status"] == "cancelled"


async def test_a_closing_cut_off_has_destroyed_the_token_and_can_be_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = await house.set_up()
    with monkeypatch.context() as cut:
        cut.setattr(house.store, "save", cut_off)
        with pytest.raises(ConnectionResetError):
            await close(house, connection_id)
    assert house.vault.kept == {}
    await close(house, connection_id)
    assert (await house.connection(connection_id)).status == "closed"


async def cut_off(*aggregates: Aggregate) -> None:
    raise ConnectionResetError(aggregates)


async def test_a_newer_token_replaces_the_kept_one(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.users[NEWER] = CanvasUser("42", "Ada")
    await rotate(house, connection_id, NEWER)
    assert list(house.vault.kept.values()) == [NEWER]


async def test_a_token_of_another_canvas_user_is_refused(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.users[FOREIGN] = CanvasUser("43", "Grace")
    with pytest.raises(CanvasUserMismatch):
        await rotate(house, connection_id, FOREIGN)
    assert list(house.vault.kept.values()) == [TOKEN]


async def rotate(house: House, connection_id: UUID, token: str) -> None:
    command = RotateToken(
        person_id=PERSON,
        connection_id=connection_id,
        api_token=token,
    )
    await rotate_token(command, store=house.store, vault=house.vault, canvas=house.canvas)


async def test_validating_tells_that_the_token_died_and_revives_it(house: House) -> None:
    connection_id = await house.set_up()
    user = house.canvas.users.pop(TOKEN)
    assert await validate(house, connection_id) == "Canvas does not know this token."
    assert (await house.connection(connection_id)).status == "token_rejected"
    house.canvas.users[TOKEN] = user
    assert await validate(house, connection_id) is None
    assert (await house.connection(connection_id)).status == "active"


async def validate(house: House, connection_id: UUID) -> str | None:
    command = ValidateConnection(
        person_id=PERSON,
        connection_id=connection_id,
    )
    return await validate_connection(
        command, store=house.store, vault=house.vault, canvas=house.canvas
    )


async def test_a_token_without_the_permission_is_not_valid_and_not_dead(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.failure = CanvasForbidden("no scope")
    assert await validate(house, connection_id) == "no scope"
    assert (await house.connection(connection_id)).status == "active"


async def test_a_token_kept_by_a_rival_rotation_stays(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.users[NEWER] = CanvasUser("42", "Ada")
    await house.vault.keep(PERSON, connection_id, ORIGIN, "7~kept-by-a-rival")
    await rotate(house, connection_id, NEWER)
    assert sorted(house.vault.kept.values()) == ["7~kept-by-a-rival", NEWER]


async def test_a_closed_connection_is_not_found(house: House) -> None:
    connection_id = await house.set_up()
    await close(house, connection_id)
    with pytest.raises(ConnectionNotFound):
        await validate(house, connection_id)


async def test_an_address_that_is_not_allowed_never_sees_the_token(house: House) -> None:
    house.canvas.origin = refuse  # type: ignore[method-assign]  # a Canvas that allows nothing
    with pytest.raises(CanvasUrlNotAllowed):
        await house.set_up()
    assert house.vault.kept == {}


def refuse(url: str) -> str:
    raise CanvasUrlNotAllowed(url)
