"""Tests of outages of the whole host, of tokens revoked in mass, and of many students."""

import asyncio
import tracemalloc

import aiohttp
import pytest

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    GROUPS_PATH,
    NOW,
    SandboxClient,
    open_sandbox_client,
    wait_until,
)

MANY_STUDENTS = 10_000
MEBIBYTE = 1 << 20
DISCONNECTED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


async def test_an_unavailable_host_sends_503_to_everybody(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.host_away()
    responses = [
        await client("/courses"),
        await client("/users/self", student=1),
        await client("/users/self", token="7752~unknown"),
    ]
    control.host_back()

    assert [response.status for response in responses] == [503] * 3
    assert {response.headers["Content-Type"] for response in responses} == {"text/html"}
    assert [entry["fault"] for entry in control.requests()] == ["host_away"] * 3
    assert (await client("/courses")).status == 200


async def test_a_host_can_close_connections_without_a_response(client: SandboxClient) -> None:
    client.sandbox.control.host_away("close")

    with pytest.raises(DISCONNECTED):
        await client("/courses")
    client.sandbox.control.host_back()

    assert (await client("/courses")).status == 200


async def test_a_host_that_hangs_closes_the_connection_when_it_is_back(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    control.host_away("hang")
    request = asyncio.ensure_future(client("/courses"))
    await wait_until(lambda: control.counters()["in_flight"] == 1)
    assert not request.done()
    control.host_back()

    assert (await request).status == 200
    hung, repeated = control.requests()
    assert (hung["fault"], hung["status"], repeated["fault"]) == ("host_away", None, None)


async def test_a_host_can_refuse_connections_and_keep_its_port(client: SandboxClient) -> None:
    control = client.sandbox.control
    assert (await client("/courses")).status == 200
    control.host_away("refuse")
    with pytest.raises(DISCONNECTED):
        await client("/courses")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{client.sandbox.url}/sandbox/counters")
    control.host_back()

    assert (await client("/courses")).status == 200


@pytest.mark.parametrize("how", ["unavailable", "refuse"])
async def test_a_host_comes_back_by_itself(client: SandboxClient, how: str) -> None:
    client.sandbox.control.host_away(how, seconds=0.05)  # type: ignore[arg-type]  # parametrized

    await wait_until(lambda: client.sandbox.outage.how is None)

    assert (await client("/courses")).status == 200


async def test_the_control_api_works_while_the_host_is_away(client: SandboxClient) -> None:
    async with client.session.post(
        f"{client.sandbox.url}/sandbox/host_away", data=b'{"how": "unavailable"}'
    ) as response:
        assert response.status == 200
    assert (await client("/courses")).status == 503
    async with client.session.post(f"{client.sandbox.url}/sandbox/host_back") as response:
        assert response.status == 200

    assert (await client("/courses")).status == 200


async def test_a_sandbox_that_is_away_can_be_stopped() -> None:
    async with open_sandbox_client() as client:
        client.sandbox.control.host_away("refuse", seconds=0.01)
    await asyncio.sleep(0.05)

    assert client.sandbox.outage.how == "refuse"


async def test_an_unknown_way_to_be_away_is_an_error(client: SandboxClient) -> None:
    with pytest.raises(ValueError, match="'on_holiday'"):
        client.sandbox.control.host_away("on_holiday")  # type: ignore[arg-type]  # not a way

    assert (await client("/courses")).status == 200


async def test_every_token_can_be_revoked_at_once(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.revoke_all_tokens()
    revoked = [await client("/courses", student=student) for student in (0, 1)]
    new = control.issue_token(student=1)

    assert [response.status for response in revoked] == [401, 401]
    assert {response.body for response in revoked} == {
        b'{"errors":[{"message":"Revoked access token."}]}'
    }
    assert (await client("/users/self", token=new)).status == 200
    control.restore_all_tokens()
    assert (await client("/courses")).status == 200


async def test_every_token_can_expire_at_once(client: SandboxClient) -> None:
    client.sandbox.control.expire_all_tokens()

    assert (await client("/courses", student=1)).status == 401


def test_ten_thousand_students_cost_little_until_they_are_used() -> None:
    tracemalloc.start()
    sandbox = Sandbox(
        SandboxOptions(students=MANY_STUDENTS, courses=8, now=NOW, past_courses=2, varied=True)
    )
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len({student["token"] for student in sandbox.tokens}) == MANY_STUDENTS
    assert not list(sandbox.data.students.generated())
    assert used < 16 * MEBIBYTE


async def test_only_changed_work_of_many_students_is_kept() -> None:
    async with open_sandbox_client(students=30, courses=2, assignments=120) as client:
        client.sandbox.data.store.max_read = 1_000
        client.sandbox.control.set_grade(10_000, 1.5, student=7)
        first = [
            (await client(f"/courses/1001/{GROUPS_PATH}", student=index)).body
            for index in range(30)
        ]
        again = [
            (await client(f"/courses/1001/{GROUPS_PATH}&again=1", student=index)).body
            for index in range(30)
        ]
        items = client.sandbox.control.assignments(1001, student=7)

    assert first == again
    assert next(item["score"] for item in items if item["id"] == "10000") == 1.5


async def test_the_last_of_many_students_can_be_used() -> None:
    async with open_sandbox_client(students=MANY_STUDENTS, courses=1) as client:
        last = client.sandbox.tokens[-1]
        user = (await client("/users/self", token=last["token"])).json
        groups = await client(f"/courses/1001/{GROUPS_PATH}", token=last["token"])
        client.sandbox.control.add_assignment(1001, "For all")
        generated = len(list(client.sandbox.data.students.generated()))

    assert (str(user["id"]), user["name"]) == (last["user_id"], last["name"])
    assert groups.status == 200
    assert generated == 1
