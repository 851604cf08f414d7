"""A person is erased while the service works: nothing of them is left in plain text anywhere."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.sync import Sync
from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.settings.settings import Settings
from interfaces.composition.process import Process
from tests.dev_tokens import ADA, BOB
from tests.end_to_end.conftest import Client, running_service, wait_until
from tests.end_to_end.dumps import dump, in_plain_text
from tests.end_to_end.erased_rows import KEPT_TABLES, MODELS, are_only_tombstones, rows_of, texts_of

ADMIN = uuid4()


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[tuple[Process, Client]]:
    async with running_service(settings) as running:
        yield running


async def test_nothing_of_an_erased_person_is_in_a_dump(
    service: tuple[Process, Client],
    sandbox: Sandbox,
    embedded_postgres: EmbeddedPostgres,
    database_url: str,
) -> None:
    _, ada = service
    await ada.connect(sandbox)
    await ada("POST", "/api/v1/calendar", headers={"Idempotency-Key": "a-key"})
    texts = await texts_of(ada, sandbox)
    before = await dump(embedded_postgres, database_url)
    log_before = await dump(embedded_postgres, database_url, "--schema=easeboard")
    assert len(in_plain_text(before, texts)) == len(texts) - 1  # the token is encrypted
    assert in_plain_text(log_before, texts) == set()
    response = await ada("DELETE", "/api/v1/me")
    assert (response.status, response.body) == (204, b"")
    after = await dump(embedded_postgres, database_url)
    assert in_plain_text(after, texts) == set()
    await wait_until(lambda: are_only_tombstones(database_url, ADA))


async def test_other_people_keep_everything(
    service: tuple[Process, Client], sandbox: Sandbox
) -> None:
    _, ada = service
    bob = ada.as_person(BOB)
    await ada.connect(sandbox)
    await bob.connect(sandbox, student=1)
    before = await bob.get("/api/v1/canvas/data")
    await ada("DELETE", "/api/v1/me")
    after = await bob.get("/api/v1/canvas/data")
    assert after["courses"] == before["courses"]
    assert after["assignments"] == before["assignments"]


async def test_an_erased_user_has_nothing_and_can_set_up_nothing(
    service: tuple[Process, Client], sandbox: Sandbox
) -> None:
    _, ada = service
    await ada.connect(sandbox)
    await ada("DELETE", "/api/v1/me")
    for path in ("canvas/connections", "canvas/courses", "canvas/grades/history", "sync/logs"):
        assert (await ada.get(f"/api/v1/{path}"))["items"] == []
    body = {"canvas_url": sandbox.url, "api_token": sandbox.control.issue_token()}
    refused = await ada("POST", "/api/v1/canvas/setup", json=body)
    assert (refused.status, refused.json["type"]) == (410, "/problems/person-erased")
    assert (await ada("POST", "/api/v1/calendar")).status == 410
    assert (await ada("GET", "/api/v1/sync/events")).status == 410
    assert (await ada("DELETE", "/api/v1/me")).status == 204


async def test_an_admin_erases_a_user_who_never_was(
    service: tuple[Process, Client], sandbox: Sandbox
) -> None:
    _, ada = service
    admin = ada.as_person(ADMIN, "admin")
    path = f"/api/v1/admin/users/{BOB}/erase"
    response = await admin("POST", path, json={}, headers={"Idempotency-Key": "once"})
    assert response.status == 202
    assert response.json == {"user_id": str(BOB), "erased": True, "auth_user": "kept"}
    again = await admin("POST", path, json={}, headers={"Idempotency-Key": "once"})
    assert again.headers["Idempotency-Replayed"] == "true"
    body = {"canvas_url": sandbox.url, "api_token": sandbox.tokens[1]["token"]}
    refused = await ada.as_person(BOB)("POST", "/api/v1/canvas/setup", json=body)
    assert refused.json["type"] == "/problems/person-erased"


async def test_the_history_of_an_erased_person_is_a_skeleton(
    service: tuple[Process, Client], sandbox: Sandbox
) -> None:
    _, ada = service
    connection = await ada.connect(sandbox)
    auditor = ada.as_person(BOB, "auditor")
    path = f"/api/v1/audit/connections/{connection['id']}/events?limit=500"
    before = await auditor.get(path)
    await ada("DELETE", "/api/v1/me")
    after = (await auditor.get(path))["items"]
    kept = {"position", "event_id", "stream", "version", "type", "recorded_at", "actor"}
    for old, new in zip(before["items"], after, strict=False):
        assert {name: old[name] for name in kept} == {name: new[name] for name in kept}
    contents = [each["payload"] for each in after if each["stream"] != "readings"]
    assert contents
    assert all(payload == {"redacted": True} for payload in contents)


async def test_all_read_models_are_rebuilt_without_an_erased_person(
    service: tuple[Process, Client], sandbox: Sandbox, database_url: str
) -> None:
    _, ada = service
    bob = ada.as_person(BOB)
    await ada.connect(sandbox)
    await bob.connect(sandbox, student=1)
    await ada("DELETE", "/api/v1/me")
    before = await bob.get("/api/v1/canvas/data")
    admin = ada.as_person(ADMIN, "admin")
    for name in MODELS:
        accepted = await admin("POST", f"/api/v1/admin/projections/{name}/rebuild")
        assert accepted.status == 202
        await wait_until(partial(is_rebuilt, admin, name))
    assert await bob.get("/api/v1/canvas/data") == before
    assert (await ada.get("/api/v1/canvas/courses"))["items"] == []
    rows = await asyncio.to_thread(rows_of, database_url, ADA)
    assert {table.partition(".")[2] for table in rows} <= {
        "gone",
        *(name.partition(".")[2] for name in KEPT_TABLES),
    }


async def is_rebuilt(admin: Client, name: str) -> bool:
    models = (await admin.get("/api/v1/admin/projections"))["items"]
    [found] = [model for model in models if model["name"] == name]
    return bool(found["version"] == 2 and found["rebuild"] is None)


async def test_rows_go_from_paused_and_retired_versions_too(
    service: tuple[Process, Client],
    sandbox: Sandbox,
    embedded_postgres: EmbeddedPostgres,
    database_url: str,
) -> None:
    _, ada = service
    await ada.connect(sandbox)
    admin = ada.as_person(ADMIN, "admin")
    texts = await texts_of(ada, sandbox)
    await admin("POST", "/api/v1/admin/projections/courses/rebuild")
    await wait_until(lambda: is_rebuilt(admin, "courses"))
    for name in ("courses", "assignments"):
        assert (await admin("POST", f"/api/v1/admin/projections/{name}/pause")).status == 202
    rows = await asyncio.to_thread(rows_of, database_url, ADA)
    assert {"courses_v1.courses", "courses_v2.courses"} <= set(rows)
    await ada("DELETE", "/api/v1/me")
    after = await dump(embedded_postgres, database_url)
    assert in_plain_text(after, texts) == set()
    for name in ("courses", "assignments"):
        verified = await admin("POST", f"/api/v1/admin/projections/{name}/verify")
        assert verified.status == 202
        await wait_until(partial(is_verified, admin, name))


async def is_verified(admin: Client, name: str) -> bool:
    models = (await admin.get("/api/v1/admin/projections"))["items"]
    [found] = [model for model in models if model["name"] == name]
    verified = found["verified"]
    assert verified is None or verified["result"] == "ok"
    return bool(verified and verified["position"] == found["position"])


async def test_an_event_that_nobody_can_apply_does_not_hold_an_erasure(
    service: tuple[Process, Client], sandbox: Sandbox, database_url: str
) -> None:
    _, ada = service
    connection = await ada.connect(sandbox)
    admin = ada.as_person(ADMIN, "admin")
    await asyncio.to_thread(append_damaged_event, database_url, UUID(connection["id"]))
    letters = "/api/v1/admin/projections/courses/dead-letters"
    await wait_until(lambda: has_letters(admin, letters))
    await ada("DELETE", "/api/v1/me")
    await wait_until(lambda: are_only_tombstones(database_url, ADA))
    assert not await has_letters(admin, letters)


async def has_letters(admin: Client, path: str) -> bool:
    return bool((await admin.get(path))["items"])


def append_damaged_event(url: str, connection_id: UUID) -> None:
    """Append an event to the syncs of a connection that no program can decrypt."""
    stream = Sync.id_for(connection_id)
    with psycopg.connect(url) as connection:
        [(version,)] = connection.execute(
            "SELECT max(version) FROM easeboard.events WHERE stream = %s", [stream]
        ).fetchall()
        states = [b"\x02" + bytes(64)]
        connection.execute(
            "SELECT easeboard.append(gen_random_uuid(), %s, TRUE, 'test', NULL, NULL, %s, %s,"
            " ARRAY['CourseFetched'], %s, NULL)",
            [ADA, [stream], [version + 1], states],
        )


async def test_two_erasures_at_once_are_one(
    service: tuple[Process, Client], sandbox: Sandbox, database_url: str
) -> None:
    _, ada = service
    await ada.connect(sandbox)
    admin = ada.as_person(ADMIN, "admin")
    erasures = [ada("DELETE", "/api/v1/me") for _ in range(4)]
    erasures += [admin("POST", f"/api/v1/admin/users/{ADA}/erase", json={}) for _ in range(4)]
    statuses = [response.status for response in await asyncio.gather(*erasures)]
    assert statuses == [204] * 4 + [202] * 4
    with psycopg.connect(database_url) as connection:
        [(count,)] = connection.execute(
            "SELECT count(*) FROM easeboard.events WHERE topic = 'PersonErased'"
        ).fetchall()
    assert count == 1
