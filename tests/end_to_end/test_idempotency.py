"""A POST with an Idempotency-Key does its work once, whatever becomes of the answer."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings import Settings
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Answer, Client, eventually, house

SETUP = "/api/v1/canvas/setup"
WHOAMI = "/api/v1/users/self"
LASTING = ("Content-Type", "Cache-Control", "Location", "Consistency-Token")


def wish(sandbox: Sandbox, **other: Any) -> bytes:
    token = sandbox.tokens[0]["token"]
    body = {"canvas_url": sandbox.url, "canvas_name": "Sandbox", "api_token": token}
    return orjson.dumps({**body, **other})


async def post(client: Client, path: str, key: str, body: bytes | None = None) -> Answer:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return await client("POST", path, headers=headers, data=body)


async def connected(client: Client, sandbox: Sandbox, key: str = "key-1") -> str:
    answer = await post(client, SETUP, key, wish(sandbox))
    assert answer.status == 201, answer.body
    return str(answer.json["connection"]["id"])


def asked_who(sandbox: Sandbox) -> int:
    return int(sandbox.control.counters()["paths"].get(WHOAMI, 0))


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("/problems/")


def change(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


async def test_a_repeated_setup_is_one_connection(client: Client, sandbox: Sandbox) -> None:
    first = await post(client, SETUP, "key-1", wish(sandbox))
    again = await post(client, SETUP, "key-1", wish(sandbox))
    assert (again.status, again.body) == (first.status, first.body) == (201, first.body)
    assert {name: again.headers[name] for name in LASTING} == {
        name: first.headers[name] for name in LASTING
    }
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert asked_who(sandbox) == 1
    token = {"Consistency-Token": again.headers["Consistency-Token"]}
    listed = await client.get("/api/v1/canvas/connections", **token)
    assert [item["id"] for item in listed["items"]] == [first.json["connection"]["id"]]


async def test_other_bodies_other_people_and_other_routes(client: Client, sandbox: Sandbox) -> None:
    connection_id = await connected(client, sandbox)
    other = await post(client, SETUP, "key-1", wish(sandbox, canvas_name="Other"))
    assert problem(other) == (422, "idempotency-key-reused")
    assert asked_who(sandbox) == 1
    theirs = await post(client.of(BOB), SETUP, "key-1", wish(sandbox))
    assert theirs.status == 201
    assert theirs.json["connection"]["id"] != connection_id
    await client.ended(connection_id)
    elsewhere = await post(client, f"/api/v1/canvas/connections/{connection_id}/sync", "key-1")
    assert elsewhere.status == 202
    assert "Idempotency-Replayed" not in elsewhere.headers


def same_problem(again: Answer, first: Answer) -> bool:
    """Whether it is the same problem, told to the request that asked again."""
    told = {**first.json, "request_id": again.headers["X-Request-ID"]}
    return (again.status, again.json) == (first.status, told)


async def test_a_refusal_is_an_answer_too(client: Client, sandbox: Sandbox) -> None:
    await connected(client, sandbox)
    first = await post(client, SETUP, "key-2", wish(sandbox))
    assert problem(first) == (409, "connection-exists")
    again = await post(client, SETUP, "key-2", wish(sandbox))
    assert same_problem(again, first)
    assert again.headers["Content-Type"] == "application/problem+json"
    invalid = await post(client, SETUP, "key-3", b"{no json")
    assert problem(invalid) == (422, "invalid-request")
    assert same_problem(await post(client, SETUP, "key-3", b"{no json"), invalid)
    assert problem(await post(client, SETUP, "key-3", b"{}")) == (422, "idempotency-key-reused")
    assert asked_who(sandbox) == 1


async def test_a_duplicate_waits_for_the_answer(client: Client, sandbox: Sandbox) -> None:
    sandbox.control.set_latency(700)
    first = asyncio.create_task(post(client, SETUP, "key-1", wish(sandbox)))

    async def canvas_is_asked() -> bool:
        return asked_who(sandbox) > 0

    await eventually(canvas_is_asked)
    answers = await asyncio.gather(*(post(client, SETUP, "key-1", wish(sandbox)) for _ in range(5)))
    assert {problem(answer) for answer in answers} == {(409, "idempotency-key-in-use")}
    assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
    other = await post(client, SETUP, "key-1", b"{}")
    assert problem(other) == (422, "idempotency-key-reused")
    done = await first
    again = await post(client, SETUP, "key-1", wish(sandbox))
    assert (done.status, again.status, again.body) == (201, 201, done.body)
    assert asked_who(sandbox) == 1


async def test_our_failure_frees_the_key(client: Client, sandbox: Sandbox) -> None:
    sandbox.control.inject("html_200", times=1, path=WHOAMI)
    failed = await post(client, SETUP, "key-1", wish(sandbox))
    assert problem(failed) == (502, "canvas-unreachable")
    mended = await post(client, SETUP, "key-1", wish(sandbox, canvas_name="Mended"))
    assert mended.status == 201
    assert "Idempotency-Replayed" not in mended.headers


async def test_the_claim_of_a_dead_process_ends_with_its_lease(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection_id = await connected(client, sandbox)
    change(
        database_url,
        "UPDATE easeboard.idempotency_keys"
        "   SET status = NULL, headers = NULL, body = NULL, position = NULL",
    )
    waiting = await post(client, SETUP, "key-1", wish(sandbox))
    assert problem(waiting) == (409, "idempotency-key-in-use")
    change(database_url, "UPDATE easeboard.idempotency_keys SET leased_until = clock_timestamp()")
    taken_over = await post(client, SETUP, "key-1", wish(sandbox))
    assert problem(taken_over) == (409, "connection-exists")
    assert taken_over.json["connection_id"] == connection_id


async def test_a_key_is_new_again_after_a_day(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    await connected(client, sandbox)
    change(
        database_url,
        "UPDATE easeboard.idempotency_keys SET created_at = created_at - interval '24 h'",
    )
    answer = await post(client, SETUP, "key-1", wish(sandbox, canvas_name="A day later"))
    assert problem(answer) == (409, "connection-exists")
    assert "Idempotency-Replayed" not in answer.headers


async def test_another_process_knows_the_answer(settings: Settings, sandbox: Sandbox) -> None:
    async with house(settings) as (_, client):
        first = await post(client, SETUP, "key-1", wish(sandbox))
    async with house(settings, frozenset({"api"})) as (_, client):
        again = await post(client, SETUP, "key-1", wish(sandbox))
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Consistency-Token"] == first.headers["Consistency-Token"]


async def test_the_database_holds_no_token(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection_id = UUID(await connected(client, sandbox))
    secret = sandbox.tokens[0]["token"]
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(
            "SELECT k::text FROM easeboard.idempotency_keys AS k"
        ).fetchone() or [""]
    assert str(connection_id).encode().hex() in row
    assert secret not in row
    assert secret.encode().hex() not in row


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "clé", "tab\tbed"])
async def test_garbage_is_no_key(client: Client, sandbox: Sandbox, key: str) -> None:
    answer = await post(client, SETUP, key, wish(sandbox))
    assert problem(answer) == (422, "invalid-request")
    assert answer.json["errors"][0]["loc"] == ["header", "idempotency-key"]
    assert asked_who(sandbox) == 0


async def test_the_longest_key_is_one(client: Client, sandbox: Sandbox) -> None:
    await connected(client, sandbox, "!~" * 127 + "k")
