"""Tests of the control operations over HTTP."""

from typing import Any

import orjson

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient


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
