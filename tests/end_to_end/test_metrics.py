"""What is measured of a real run, and asked of a real database."""

from collections.abc import Callable
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings import Settings
from tests.dev_tokens import SECRET, bearer
from tests.end_to_end.conftest import Client, eventually, house

Samples = dict[str, float]


async def scraped(client: Client) -> Samples:
    """Every sample with a name of ours, `name label=value …` by label."""
    answer = await client("GET", "/metrics")
    assert answer.status == 200
    return {
        " ".join([sample.name, *sorted(f"{k}={v}" for k, v in sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name.startswith("easeboard_")
    }


def moved(before: Samples, after: Samples) -> Callable[[str], float]:
    """By how much a sample moved."""
    return lambda name: after.get(name, 0.0) - before.get(name, 0.0)


async def test_a_run_is_measured(client: Client, sandbox: Sandbox) -> None:
    before = await scraped(client)
    await client.connect(sandbox)
    by = moved(before, await scraped(client))
    assert by("easeboard_syncs_total code=none mode=full status=completed") == 1
    assert by("easeboard_sync_seconds_count mode=full status=completed") == 1
    asked = len(sandbox.control.courses()) + 2
    assert by("easeboard_canvas_request_seconds_count outcome=ok") >= asked - 1
    assert by("easeboard_canvas_budget_count") >= asked - 1
    assert by("easeboard_append_seconds_count") >= 4
    assert by("easeboard_appended_events_total") >= by("easeboard_append_seconds_count")
    assert by("easeboard_projection_batch_seconds_count") >= 1


async def test_what_canvas_refuses_is_measured(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await scraped(client)
    sandbox.control.inject("throttle_429", path="courses")
    await client.sync(connection["id"])
    sandbox.control.revoke_token()
    await client.sync(connection["id"])
    by = moved(before, await scraped(client))
    assert by("easeboard_canvas_request_seconds_count outcome=throttled") == 1
    assert by("easeboard_canvas_retries_total") == 1
    assert by("easeboard_canvas_request_seconds_count outcome=refused") >= 1
    dead = "easeboard_syncs_total code=canvas-token-rejected mode=incremental status=failed"
    assert by(dead) == 1


async def test_a_run_that_is_called_off_is_measured(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await scraped(client)
    sandbox.control.set_latency(3000)
    await client("POST", f"/api/v1/canvas/connections/{connection['id']}/sync")

    async def running() -> bool:
        return (await scraped(client))["easeboard_syncs_running"] == 1

    await eventually(running)
    await client("DELETE", f"/api/v1/sync/connections/{connection['id']}")
    by = moved(before, await scraped(client))
    assert by("easeboard_syncs_total code=none mode=incremental status=cancelled") == 1


async def test_the_database_is_asked(client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)

    async def fresh() -> Any:
        told = await scraped(client)
        return told if told.get("easeboard_sealed_records key_id=k1 kind=person_key") else None

    told: Samples = await eventually(fresh)
    assert told["easeboard_database_up"] == 1
    assert told["easeboard_workers"] == 1
    assert told["easeboard_queue_depth"] == 0
    assert told["easeboard_queue_oldest_seconds"] == 0
    assert told["easeboard_sealed_records key_id=k1 kind=canvas_token"] == 1
    assert told["easeboard_projection_failing projection=courses"] == 0
    assert told["easeboard_projection_lag_events projection=courses"] >= 0
    for pool in ("reads", "writes", "queue"):
        assert told[f"easeboard_pool_limit pool={pool}"] >= 4
        assert told[f"easeboard_pool_size pool={pool}"] >= 1
        assert told[f"easeboard_pool_requests_total pool={pool}"] >= 1


async def test_what_waits_for_a_worker_is_told(settings: Settings, sandbox: Sandbox) -> None:
    async with house(settings, frozenset({"api", "projector"})) as (_, client):
        body = {
            "canvas_url": sandbox.url,
            "canvas_name": "Sandbox",
            "api_token": sandbox.tokens[0]["token"],
        }
        assert (await client("POST", "/api/v1/canvas/setup", json=body)).status == 201
        told = await scraped(client)
        assert told["easeboard_queue_depth"] == 1
        assert told["easeboard_queue_oldest_seconds"] > 0
        assert told["easeboard_workers"] == 0


async def test_those_who_listen_are_counted(client: Client) -> None:
    async def listening(transport: str) -> float:
        return (await scraped(client)).get(f"easeboard_live_clients transport={transport}", 0)

    url = client.url + "/api/v1/sync/events"
    async with client.session.get(url, headers=bearer(client.person)) as stream:
        await stream.content.readline()
        assert await listening("sse") == 1
    protocols = ("bearer", bearer(client.person)["Authorization"].removeprefix("Bearer "))
    async with client.session.ws_connect(
        client.url + "/ws/sync-status", protocols=protocols
    ) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
        assert await listening("websocket") == 1

    async def nobody() -> bool:
        return await listening("sse") == await listening("websocket") == 0

    await eventually(nobody)


async def test_nothing_in_a_metric_tells_who(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    text = (await client("GET", "/metrics")).body.decode()
    for known in (connection["id"], str(client.person), sandbox.url, "127.0.0.1", SECRET):
        assert known not in text
    assert sandbox.tokens[0]["token"] not in text
