"""Tests of the control operations over HTTP."""

from typing import Any

import orjson
import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    SandboxClient,
    open_sandbox_client,
    wait_until,
)

CONSOLE_ORIGIN = "http://127.0.0.1:8000"


async def post_operation(
    client: SandboxClient, operation: str, **arguments: Any
) -> tuple[int, Any]:
    url = f"{client.sandbox.url}/sandbox/{operation}"
    async with client.session.post(url, data=orjson.dumps(arguments)) as response:
        return response.status, orjson.loads(await response.read())


async def get_operation(client: SandboxClient, path: str) -> Any:
    async with client.session.get(f"{client.sandbox.url}/sandbox{path}") as response:
        return orjson.loads(await response.read())


async def test_every_operation_is_listed_with_a_description(client: SandboxClient) -> None:
    listed = (await get_operation(client, ""))["result"]

    public = {name for name in dir(client.sandbox.control) if not name.startswith("_")}
    assert listed.keys() == public
    assert "posted: bool = True" in listed["set_grade"]


async def test_a_grade_set_over_http_is_visible(client: SandboxClient) -> None:
    result = await post_operation(client, "set_grade", assignment_id="10000", score=1.5, student=1)

    items = (await get_operation(client, "/assignments?course_id=1001&student=1"))["result"]
    assert result == (200, {"result": None})
    assert next(item["score"] for item in items if item["id"] == "10000") == 1.5


async def test_faults_and_counters_work_over_http(client: SandboxClient) -> None:
    await post_operation(client, "inject", kind="redirect", to="http://127.0.0.1:1/")

    response = await client("/courses")

    assert response.headers["Location"] == "http://127.0.0.1:1/"
    assert (await get_operation(client, "/counters"))["result"]["statuses"] == {"302": 1}
    assert len((await get_operation(client, "/requests"))["result"]) == 1


async def test_invalid_calls_return_an_error(client: SandboxClient) -> None:
    assert (await post_operation(client, "_submission_to_change"))[0] == 404
    assert (await post_operation(client, "rename_course", course_id="5", name="X"))[0] == 404
    assert (await post_operation(client, "post_grades", assignment_id="10000", student=9))[0] == 404
    assert (await post_operation(client, "set_grade", score=1))[0] == 400
    assert (await post_operation(client, "inject", kind="earthquake"))[0] == 400
    assert "error" in await get_operation(client, "/set_grade?assignment_id=10000")


async def test_control_calls_are_not_counted_as_canvas_requests(client: SandboxClient) -> None:
    await post_operation(client, "counters")

    assert client.sandbox.control.counters()["requests"] == 0


async def test_a_page_of_an_allowed_origin_may_call_it() -> None:
    async with open_sandbox_client(control_origins=(CONSOLE_ORIGIN,)) as client:
        url = f"{client.sandbox.url}/sandbox/set_latency"
        headers = {"Origin": CONSOLE_ORIGIN, "Access-Control-Request-Method": "POST"}
        async with client.session.options(url, headers=headers) as preflight:
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == CONSOLE_ORIGIN
            assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
            assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
        async with client.session.post(url, json={"latency_ms": 3}, headers=headers) as response:
            assert (response.status, response.headers["Vary"]) == (200, "Origin")
            assert response.headers["Access-Control-Allow-Origin"] == CONSOLE_ORIGIN
        assert (await get_operation(client, "/status"))["result"]["latency_ms"] == 3


@pytest.mark.parametrize("allowed", [(), (CONSOLE_ORIGIN,)])
async def test_a_page_of_another_origin_changes_nothing(allowed: tuple[str, ...]) -> None:
    async with open_sandbox_client(control_origins=allowed) as client:
        url, headers = f"{client.sandbox.url}/sandbox/expire_token", {"Origin": "http://evil.test"}
        for method in ("OPTIONS", "POST"):
            async with client.session.request(method, url, headers=headers) as response:
                assert response.status == 403
                assert "Access-Control-Allow-Origin" not in response.headers
        assert [each["valid"] for each in client.sandbox.control.tokens()] == [True]


async def test_a_foreign_name_of_this_machine_is_refused(client: SandboxClient) -> None:
    url = f"{client.sandbox.url}/sandbox"
    async with client.session.get(url, headers={"Host": "evil.test"}) as response:
        assert response.status == 404
    async with client.session.get(url, headers={"Host": "localhost:9000"}) as response:
        assert response.status == 200


async def test_tokens_are_listed_with_their_state_but_not_as_a_whole(client: SandboxClient) -> None:
    await post_operation(client, "expire_token")
    _, issued = await post_operation(client, "issue_token")

    tokens = (await get_operation(client, "/tokens?student=0"))["result"]

    assert [token["valid"] for token in tokens] == [False, True]
    assert issued["result"].startswith(tokens[1]["begins"])
    assert len(tokens[1]["begins"]) < 12


async def test_the_status_shows_an_outage(client: SandboxClient) -> None:
    await post_operation(client, "host_away")
    assert (await get_operation(client, "/status"))["result"]["away"] == "unavailable"

    await post_operation(client, "host_back")
    assert (await get_operation(client, "/status"))["result"]["away"] is None


async def test_an_outage_that_no_request_could_end_is_refused(client: SandboxClient) -> None:
    refused = [
        await post_operation(client, "host_away", how="refuse"),
        await post_operation(client, "host_away", how="refuse", seconds=None),
        await post_operation(client, "host_away", how="refuse", seconds="60"),
        await post_operation(client, "host_away", how="refuse", seconds=1e9),
        await post_operation(client, "host_away", how="refuse", seconds=-1),
    ]
    assert [status for status, _ in refused] == [400] * 5
    assert all("seconds" in document["error"] for _, document in refused)
    assert (await get_operation(client, "/status"))["result"]["away"] is None
    assert "only with `seconds`" in (await get_operation(client, ""))["result"]["host_away"]

    assert (await post_operation(client, "host_away", how="refuse", seconds=0.05))[0] == 200
    await wait_until(lambda: client.sandbox.outage.how is None)
    assert (await get_operation(client, "/status"))["result"]["away"] is None


async def test_arguments_that_are_no_object_are_refused(client: SandboxClient) -> None:
    url = f"{client.sandbox.url}/sandbox/set_grade"
    async with client.session.post(url, data=b"[]") as response:
        assert response.status == 400
    async with client.session.get(f"{client.sandbox.url}/sandbox/courses?student=x") as response:
        assert response.status == 400
