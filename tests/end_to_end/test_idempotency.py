"""A POST with an Idempotency-Key is executed once, even if its response is lost."""

import asyncio
from typing import Any

import orjson
import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from tests.deadlines import scaled
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Client, Response, running_service, wait_until

SETUP_PATH = "/api/v1/canvas/setup"
CURRENT_USER_PATH = "/api/v1/users/self"
REPLAYED_HEADERS = ("Content-Type", "Cache-Control", "Location", "Consistency-Token")


def setup_body(sandbox: Sandbox, **fields: Any) -> bytes:
    token = sandbox.tokens[0]["token"]
    body = {"canvas_url": sandbox.url, "canvas_name": "Sandbox", "api_token": token}
    return orjson.dumps({**body, **fields})


async def post(client: Client, path: str, key: str, body: bytes | None = None) -> Response:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return await client("POST", path, headers=headers, data=body)


async def set_up(client: Client, sandbox: Sandbox, key: str = "key-1") -> str:
    response = await post(client, SETUP_PATH, key, setup_body(sandbox))
    assert response.status == 201, response.body
    return str(response.json["connection"]["id"])


def count_user_requests(sandbox: Sandbox) -> int:
    return int(sandbox.control.counters()["paths"].get(CURRENT_USER_PATH, 0))


def problem_of(response: Response) -> tuple[int, str]:
    return response.status, response.json["type"].removeprefix("/problems/")


def update_one_row(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


async def test_a_repeated_setup_is_one_connection(client: Client, sandbox: Sandbox) -> None:
    first = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    repeated = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    assert (repeated.status, repeated.body) == (first.status, first.body) == (201, first.body)
    assert {name: repeated.headers[name] for name in REPLAYED_HEADERS} == {
        name: first.headers[name] for name in REPLAYED_HEADERS
    }
    assert "Idempotency-Replayed" not in first.headers
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert repeated.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert count_user_requests(sandbox) == 1
    token = {"Consistency-Token": repeated.headers["Consistency-Token"]}
    listed = await client.get("/api/v1/canvas/connections", **token)
    assert [item["id"] for item in listed["items"]] == [first.json["connection"]["id"]]


async def test_a_key_belongs_to_one_person_one_route_and_one_body(
    client: Client, sandbox: Sandbox
) -> None:
    connection_id = await set_up(client, sandbox)
    other = await post(client, SETUP_PATH, "key-1", setup_body(sandbox, canvas_name="Other"))
    assert problem_of(other) == (422, "idempotency-key-reused")
    assert count_user_requests(sandbox) == 1
    of_another_person = await post(client.as_person(BOB), SETUP_PATH, "key-1", setup_body(sandbox))
    assert of_another_person.status == 201
    assert of_another_person.json["connection"]["id"] != connection_id
    await client.wait_for_sync(connection_id)
    on_another_route = await post(
        client, f"/api/v1/canvas/connections/{connection_id}/sync", "key-1"
    )
    assert on_another_route.status == 202
    assert "Idempotency-Replayed" not in on_another_route.headers


def is_same_problem(repeated: Response, first: Response) -> bool:
    """Whether `repeated` is the problem `first`, with the request id of the repeated request."""
    expected = {**first.json, "request_id": repeated.headers["X-Request-ID"]}
    return (repeated.status, repeated.json) == (first.status, expected)


async def test_a_refusal_of_the_work_is_replayed_too(client: Client, sandbox: Sandbox) -> None:
    await set_up(client, sandbox)
    first = await post(client, SETUP_PATH, "key-2", setup_body(sandbox))
    assert problem_of(first) == (409, "connection-exists")
    repeated = await post(client, SETUP_PATH, "key-2", setup_body(sandbox))
    assert is_same_problem(repeated, first)
    assert repeated.headers["Content-Type"] == "application/problem+json"
    invalid = await post(client, SETUP_PATH, "key-3", b"{no json")
    assert problem_of(invalid) == (422, "invalid-request")
    assert "Idempotency-Replayed" in repeated.headers
    for body in (b"{no json", b"{}"):
        refused_again = await post(client, SETUP_PATH, "key-3", body)
        assert problem_of(refused_again) == (422, "invalid-request")
        assert "Idempotency-Replayed" not in refused_again.headers
    assert count_user_requests(sandbox) == 1


async def test_a_duplicate_is_refused_until_the_first_response(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.control.set_latency(scaled(0.35) * 1000)
    first = asyncio.create_task(post(client, SETUP_PATH, "key-1", setup_body(sandbox)))

    async def canvas_is_requested() -> bool:
        return count_user_requests(sandbox) > 0

    await wait_until(canvas_is_requested)
    duplicates = await asyncio.gather(
        *(post(client, SETUP_PATH, "key-1", setup_body(sandbox)) for _ in range(5))
    )
    assert {problem_of(duplicate) for duplicate in duplicates} == {(409, "idempotency-key-in-use")}
    assert {duplicate.headers["Retry-After"] for duplicate in duplicates} == {"1"}
    other = await post(client, SETUP_PATH, "key-1", b"{}")
    assert problem_of(other) == (422, "idempotency-key-reused")
    first_response = await first
    repeated = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    assert (first_response.status, repeated.status, repeated.body) == (
        201,
        201,
        first_response.body,
    )
    assert count_user_requests(sandbox) == 1


async def test_a_server_error_releases_the_key(client: Client, sandbox: Sandbox) -> None:
    sandbox.control.inject("html_200", times=1, path=CURRENT_USER_PATH)
    failed = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    assert problem_of(failed) == (502, "canvas-unreachable")
    retried = await post(client, SETUP_PATH, "key-1", setup_body(sandbox, canvas_name="Retried"))
    assert retried.status == 201
    assert "Idempotency-Replayed" not in retried.headers


def lose_response(database_url: str) -> None:
    """Remove the newest stored response, as if its process had died before it was stored."""
    update_one_row(
        database_url,
        """
        UPDATE easeboard.idempotency_keys
           SET status = NULL, headers = NULL, body = NULL, position = NULL
         WHERE created_at = (SELECT max(created_at) FROM easeboard.idempotency_keys)
        """,
    )


def count_events(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        [count] = connection.execute("SELECT count(*) FROM easeboard.events").fetchone() or [0]
    return int(count)


async def test_a_lost_response_is_given_from_the_log(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection_id = await set_up(client, sandbox, "key-0")
    await client.wait_for_sync(connection_id)
    path = f"/api/v1/canvas/connections/{connection_id}"
    for number, (route, body) in enumerate(
        [(f"{path}/validate", None), (f"{path}/sync", None), (f"{path}/validate", b"{}")]
    ):
        key = f"key-{number + 1}"
        first = await post(client, route, key, body)
        await client.wait_for_sync(connection_id)
        lose_response(database_url)
        before = count_events(database_url), count_user_requests(sandbox)
        repeated = await post(client, route, key, body)
        assert (repeated.status, repeated.json) == (first.status, first.json)
        assert repeated.headers["Consistency-Token"] == first.headers["Consistency-Token"]
        assert repeated.headers["Idempotency-Replayed"] == "true"
        assert (count_events(database_url), count_user_requests(sandbox)) == before
        assert (await post(client, route, key, body)).body == repeated.body


async def test_a_lost_setup_is_given_from_the_log(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    first = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    await client.wait_for_sync(first.json["connection"]["id"])
    lose_response(database_url)
    repeated = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    assert (repeated.status, repeated.json["sync"]) == (201, first.json["sync"])
    assert repeated.json["connection"]["id"] == first.json["connection"]["id"]
    for name in REPLAYED_HEADERS:
        assert repeated.headers[name] == first.headers[name]
    assert count_user_requests(sandbox) == 1


async def test_a_lost_address_of_a_calendar_is_replaced(client: Client, database_url: str) -> None:
    first = await post(client, "/api/v1/calendar", "key-1")
    lose_response(database_url)
    second = await post(client, "/api/v1/calendar", "key-1")
    third = await post(client, "/api/v1/calendar", "key-1")
    assert (first.status, second.status, third.body) == (201, 201, second.body)
    paths = [each.json["url"].removeprefix(client.url) for each in (first, second)]
    assert [(await client("GET", path)).status for path in paths] == [404, 200]


async def test_a_key_expires_after_a_day(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    await set_up(client, sandbox)
    await post(client, SETUP_PATH, "key-2", setup_body(sandbox))
    update_one_row(
        database_url,
        "UPDATE easeboard.idempotency_keys SET created_at = created_at - interval '24 h'"
        " WHERE status = 409",
    )
    response = await post(
        client, SETUP_PATH, "key-2", setup_body(sandbox, canvas_name="A day later")
    )
    assert problem_of(response) == (409, "connection-exists")
    assert "Idempotency-Replayed" not in response.headers


async def test_another_process_replays_the_response(settings: Settings, sandbox: Sandbox) -> None:
    async with running_service(settings) as (_, client):
        first = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    async with running_service(settings, frozenset({"api"})) as (_, client):
        repeated = await post(client, SETUP_PATH, "key-1", setup_body(sandbox))
    assert (repeated.status, repeated.body) == (201, first.body)
    assert repeated.headers["Consistency-Token"] == first.headers["Consistency-Token"]


async def test_the_idempotency_table_contains_neither_token_nor_response(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    await set_up(client, sandbox)
    secret = sandbox.tokens[0]["token"]
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(
            "SELECT k::text FROM easeboard.idempotency_keys AS k"
        ).fetchone() or [""]
    for text in (secret, "token_fingerprint"):
        assert text not in row
        assert text.encode().hex() not in row


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "clé", "tab\tbed"])
async def test_an_invalid_key_is_refused(client: Client, sandbox: Sandbox, key: str) -> None:
    response = await post(client, SETUP_PATH, key, setup_body(sandbox))
    assert problem_of(response) == (422, "invalid-request")
    assert response.json["errors"][0]["loc"] == ["header", "idempotency-key"]
    assert count_user_requests(sandbox) == 0


async def test_a_key_of_255_characters_is_accepted(client: Client, sandbox: Sandbox) -> None:
    await set_up(client, sandbox, "!~" * 127 + "k")
