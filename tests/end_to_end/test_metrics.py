"""The metrics of real runs, and those that are read from the database."""

from collections.abc import Callable
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from tests.deadlines import scaled
from tests.dev_tokens import SECRET, bearer_headers
from tests.end_to_end.conftest import Client, running_service, wait_until

Samples = dict[str, float]


async def read_metrics(client: Client) -> Samples:
    """Return each sample of easeboard; the key is `name label=value …`, sorted by label."""
    response = await client("GET", "/metrics")
    assert response.status == 200
    return {
        " ".join([sample.name, *sorted(f"{k}={v}" for k, v in sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(response.body.decode())
        for sample in family.samples
        if sample.name.startswith("easeboard_")
    }


def increase(before: Samples, after: Samples) -> Callable[[str], float]:
    """Return a function from the key of a sample to its increase between two readings."""
    return lambda name: after.get(name, 0.0) - before.get(name, 0.0)


async def test_a_run_is_measured(client: Client, sandbox: Sandbox) -> None:
    before = await read_metrics(client)
    await client.connect(sandbox)
    increase_of = increase(before, await read_metrics(client))
    assert increase_of("easeboard_syncs_total code=none mode=full status=completed") == 1
    assert increase_of("easeboard_sync_seconds_count mode=full status=completed") == 1
    expected_requests = len(sandbox.control.courses()) + 2
    assert increase_of("easeboard_canvas_request_seconds_count outcome=ok") >= expected_requests - 1
    assert increase_of("easeboard_canvas_budget_count") >= expected_requests - 1
    assert increase_of("easeboard_append_seconds_count") >= 4
    assert increase_of("easeboard_appended_events_total") >= increase_of(
        "easeboard_append_seconds_count"
    )
    assert increase_of("easeboard_projection_batch_seconds_count") >= 1


async def test_refused_canvas_requests_are_measured(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await read_metrics(client)
    sandbox.control.inject("throttle_429", path="courses")
    await client.sync(connection["id"])
    sandbox.control.revoke_token()
    await client.sync(connection["id"])
    increase_of = increase(before, await read_metrics(client))
    assert increase_of("easeboard_canvas_request_seconds_count outcome=throttled") == 1
    assert increase_of("easeboard_canvas_retries_total") == 1
    assert increase_of("easeboard_canvas_request_seconds_count outcome=refused") >= 1
    rejected = "easeboard_syncs_total code=canvas-token-rejected mode=incremental status=failed"
    assert increase_of(rejected) == 1


async def test_a_cancelled_run_is_measured(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await read_metrics(client)
    sandbox.control.set_latency(scaled(1.5) * 1000)
    await client("POST", f"/api/v1/canvas/connections/{connection['id']}/sync")

    async def is_running() -> bool:
        return (await read_metrics(client))["easeboard_syncs_running"] == 1

    await wait_until(is_running)
    await client("DELETE", f"/api/v1/sync/connections/{connection['id']}")
    increase_of = increase(before, await read_metrics(client))
    assert increase_of("easeboard_syncs_total code=none mode=incremental status=cancelled") == 1


async def test_the_metrics_include_database_values(client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)

    async def samples_with_keys() -> Any:
        samples = await read_metrics(client)
        return (
            samples if samples.get("easeboard_sealed_records key_id=k1 kind=person_key") else None
        )

    samples: Samples = await wait_until(samples_with_keys)
    assert samples["easeboard_database_up"] == 1
    assert samples["easeboard_workers"] == 1
    assert samples["easeboard_queue_depth"] == 0
    assert samples["easeboard_queue_oldest_seconds"] == 0
    assert samples["easeboard_sealed_records key_id=k1 kind=canvas_token"] == 1
    assert samples["easeboard_projection_failing projection=courses"] == 0
    assert samples["easeboard_projection_lag_events projection=courses"] >= 0
    for pool in ("reads", "writes", "queue"):
        assert samples[f"easeboard_pool_limit pool={pool}"] >= 4
        assert samples[f"easeboard_pool_size pool={pool}"] >= 1
        assert samples[f"easeboard_pool_requests_total pool={pool}"] >= 1


async def test_queued_runs_without_a_worker_are_measured(
    settings: Settings, sandbox: Sandbox
) -> None:
    async with running_service(settings, frozenset({"api", "projector"})) as (_, client):
        body = {
            "canvas_url": sandbox.url,
            "canvas_name": "Sandbox",
            "api_token": sandbox.tokens[0]["token"],
        }
        assert (await client("POST", "/api/v1/canvas/setup", json=body)).status == 201
        samples = await read_metrics(client)
        assert samples["easeboard_queue_depth"] == 1
        assert samples["easeboard_queue_oldest_seconds"] > 0
        assert samples["easeboard_workers"] == 0


async def test_live_clients_are_counted(client: Client) -> None:
    async def count_clients(transport: str) -> float:
        return (await read_metrics(client)).get(f"easeboard_live_clients transport={transport}", 0)

    url = client.url + "/api/v1/sync/events"
    async with client.session.get(url, headers=bearer_headers(client.person)) as stream:
        await stream.content.readline()
        assert await count_clients("sse") == 1
    protocols = ("bearer", bearer_headers(client.person)["Authorization"].removeprefix("Bearer "))
    async with client.session.ws_connect(
        client.url + "/ws/sync-status", protocols=protocols
    ) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
        assert await count_clients("websocket") == 1

    async def all_disconnected() -> bool:
        return await count_clients("sse") == await count_clients("websocket") == 0

    await wait_until(all_disconnected)


async def test_no_metric_identifies_a_person(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    text = (await client("GET", "/metrics")).body.decode()
    for value in (connection["id"], str(client.person), sandbox.url, "127.0.0.1", SECRET):
        assert value not in text
    assert sandbox.tokens[0]["token"] not in text
