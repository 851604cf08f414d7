"""A sync reads what changed, and everything where Canvas does not show enough."""

from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Client

NOTHING = {"courses": 0, "assignments": 0, "grades": 0}
FEEDS = ["/users/self/graded_submissions", "/planner/items"]


async def events_of(client: Client, connection: dict[str, Any], kind: str) -> list[Any]:
    auditor = client.of(BOB, "auditor")
    path = f"/api/v1/audit/connections/{connection['id']}/events?type={kind}"
    found: list[Any] = (await auditor.get(path))["items"]
    return found


async def test_an_unchanged_account_costs_three_requests(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    for not_modified in (0, 1, 1):
        sandbox.control.forget_requests()
        run = await client.sync(connection["id"])
        assert (run["mode"], run["status"], run["changes"]) == ("incremental", "completed", NOTHING)
        assert run["courses"] == {"total": 3, "done": 3, "failed": 0}
        assert run["requests"] == {"total": 3, "not_modified": not_modified, "retried": 0}
        asked = sandbox.control.counters()["paths"]
        assert set(asked) == {f"/api/v1{path}" for path in ["/courses", *FEEDS]}


async def test_a_changed_grade_costs_one_request_more(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert (run["mode"], run["requests"]["total"]) == ("incremental", 4)
    assert run["courses"] == {"total": 3, "done": 3, "failed": 0}
    about = f"/api/v1/canvas/grades/history?assignment_id={graded['id']}"
    assert (await client.get(about))["items"][-1]["current"]["score"] == 1.25
    assert (await client.sync(connection["id"]))["requests"]["total"] == 3


async def test_the_answer_to_a_wish_says_how_it_reads(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    for wish, mode in [("auto", "incremental"), ("full", "full")]:
        path = f"/api/v1/canvas/connections/{connection['id']}/sync"
        answer = await client("POST", path, json={"mode": wish})
        assert (answer.status, answer.json["mode"]) == (202, mode)
        assert (await client.ended(connection["id"], answer.json["id"]))["mode"] == mode


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("fault", ["denied", "not_found", "html_200", "bad_json"])
async def test_without_one_of_the_lists_a_run_reads_everything_and_says_why(
    client: Client, sandbox: Sandbox, feed: str, fault: str
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.inject(fault, times=None, path=feed)
    sandbox.control.lock_assignment(sandbox.control.assignments("1001")[0]["id"], lock_at=0)
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"]) == ("full", "completed")
    assert run["changes"]["assignments"] == 1
    assert run["requests"]["total"] == 3 + 3
    (widened,) = await events_of(client, connection, "SyncWidened")
    assert widened["payload"]["sync_id"] == run["id"]
    assert widened["payload"]["code"] in {"canvas-forbidden", "canvas-answer-unusable"}


async def test_a_scope_that_is_lacking_is_told(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.limit_scopes([r"/courses"])
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"], run["changes"]) == ("full", "completed", NOTHING)
    (widened,) = await events_of(client, connection, "SyncWidened")
    assert widened["payload"]["code"] == "canvas-forbidden"


async def test_a_key_that_drops_includes_is_told(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.ignore_includes()
    assert (await client.sync(connection["id"]))["mode"] == "full"
    (widened,) = await events_of(client, connection, "SyncWidened")
    assert "includes" in widened["payload"]["detail"]


async def test_a_course_that_failed_is_read_though_nothing_changed_since(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    await client.sync(connection["id"])
    work = sandbox.control.assignments("1001")[1]["id"]
    sandbox.control.rename_assignment(work, "Seen late")
    sandbox.control.inject("denied", path="/courses/1001/assignment_groups")
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]) == ("partial", {"total": 3, "done": 2, "failed": 1})
    run = await client.sync(connection["id"])
    assert (run["status"], run["requests"]["not_modified"]) == ("completed", 1)
    assert (run["changes"]["assignments"], run["requests"]["total"]) == (1, 4)


async def test_a_dead_token_ends_an_incremental_run_too(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.revoke_token()
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"]) == ("incremental", "failed")
    assert run["error"]["code"] == "canvas-token-rejected"
