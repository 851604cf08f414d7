"""Canvas responds, or the vault is read, after another command changed the connection."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from application.ports import CanvasUser, SecretChange
from domain.aggregate import Aggregate
from domain.errors import ConnectionNotFound
from tests.application.conftest import TOKEN, Application
from tests.application.connection_commands import NEW_TOKEN, close, rotate, validate
from tests.fakes import FakeCanvas


@dataclass
class SlowCanvas(FakeCanvas):
    """A Canvas that responds to a check of a token when `respond` is set; it counts checks."""

    checks: int = 0
    requested: asyncio.Event = field(default_factory=asyncio.Event)
    respond: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        self.checks += 1
        self.requested.set()
        await self.respond.wait()
        return await super().fetch_user(origin, token)


async def test_a_token_that_canvas_confirms_after_the_close_is_not_stored(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    canvas = app.canvas = SlowCanvas({NEW_TOKEN: CanvasUser("42", "Ada")})
    rotation = asyncio.create_task(rotate(app, connection_id, NEW_TOKEN))
    await canvas.requested.wait()
    await close(app, connection_id)
    canvas.respond.set()
    with pytest.raises(ConnectionNotFound):
        await rotation
    assert (app.vault.tokens, canvas.checks) == ({}, 1)


async def test_a_validation_that_ends_after_the_close_is_not_recorded(app: Application) -> None:
    connection_id = await app.set_up()
    canvas = app.canvas = SlowCanvas(app.canvas.users)
    validation = asyncio.create_task(validate(app, connection_id))
    await canvas.requested.wait()
    await close(app, connection_id)
    canvas.respond.set()
    with pytest.raises(ConnectionNotFound):
        await validation
    assert (await app.connection(connection_id)).version == 2


async def test_a_rejection_of_a_token_that_was_replaced_is_not_recorded(app: Application) -> None:
    connection_id = await app.set_up()
    users = {NEW_TOKEN: CanvasUser("42", "Ada")}
    canvas = app.canvas = SlowCanvas(users)
    validation = asyncio.create_task(validate(app, connection_id))
    await canvas.requested.wait()
    app.canvas = FakeCanvas(users)
    await rotate(app, connection_id, NEW_TOKEN)
    canvas.respond.set()
    assert await validation == "Canvas does not know this token."
    assert (await app.connection(connection_id)).status == "active"


async def test_a_token_that_is_replaced_before_it_is_loaded_is_loaded_anew(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = await app.set_up()
    app.canvas.users[NEW_TOKEN] = CanvasUser("42", "Ada")
    load = app.vault.load

    async def load_after_a_rotation(
        person_id: UUID, stream: UUID, origin: str, fingerprint: str
    ) -> str:
        if fingerprint == app.vault.fingerprint(connection_id, TOKEN):
            await rotate(app, connection_id, NEW_TOKEN)
        return await load(person_id, stream, origin, fingerprint)

    monkeypatch.setattr(app.vault, "load", load_after_a_rotation)
    assert await validate(app, connection_id) is None
    await app.run_next()
    assert (await app.last_run(connection_id))["status"] == "completed"


async def test_the_same_token_changes_nothing_that_another_process_has_stored(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an event no version keeps another process from replacing the token meanwhile."""
    connection_id = await app.set_up()
    save = app.store.save

    async def save_later(*aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
        app.vault.tokens.clear()
        app.vault.tokens[connection_id, app.vault.fingerprint(connection_id, NEW_TOKEN)] = NEW_TOKEN
        await save(*aggregates, secrets=secrets)

    monkeypatch.setattr(app.store, "save", save_later)
    await rotate(app, connection_id, TOKEN)
    assert list(app.vault.tokens.values()) == [NEW_TOKEN]
