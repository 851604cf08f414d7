"""Incremental runs: which requests they send, and when they fall back to a full run."""

from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Client

NO_CHANGES = {"courses": 0, "assignments": 0, "grades": 0}
FEED_PATHS = ["/users/self/graded_submissions", "/planner/items"]


async def events_of(client: Client, connection: dict[str, Any], event_type: str) -> list[Any]:
    auditor = client.as_person(BOB, "auditor")
    path = f"/api/v1/audit/connections/{connection['id']}/events?type={event_type}"
    events: list[Any] = (await auditor.get(path))["items"]
    return events


async def test_an_unchanged_account_costs_three_requests(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    for not_modified in (0, 1, 1):
        sandbox.control.forget_requests()
        run = await client.sync(connection["id"])
        assert (run["mode"], run["status"], run["changes"]) == (
            "incremental",
            "completed",
            NO_CHANGES,
        )
        assert run["courses"] == {"total": 3, "done": 3, "failed": 0}
        assert run["requests"] == {"total": 3, "not_modified": not_modified, "retried": 0}
        paths = sandbox.control.counters()["paths"]
        assert set(paths) == {f"/api/v1{path}" for path in ["/courses", *FEED_PATHS]}


async def test_a_changed_grade_costs_one_more_request(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert (run["mode"], run["requests"]["total"]) == ("incremental", 4)
    assert run["courses"] == {"total": 3, "done": 3, "failed": 0}
    history_path = f"/api/v1/canvas/grades/history?assignment_id={graded['id']}"
    assert (await client.get(history_path))["items"][-1]["current"]["score"] == 1.25
    assert (await client.sync(connection["id"]))["requests"]["total"] == 3


async def test_the_response_to_a_sync_request_has_its_mode(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    for requested_mode, mode in [("auto", "incremental"), ("full", "full")]:
        path = f"/api/v1/canvas/connections/{connection['id']}/sync"
        response = await client("POST", path, json={"mode": requested_mode})
        assert (response.status, response.json["mode"]) == (202, mode)
        assert (await client.wait_for_sync(connection["id"], response.json["id"]))["mode"] == mode


@pytest.mark.parametrize("feed", FEED_PATHS)
@pytest.mark.parametrize("fault", ["denied", "not_found", "html_200", "bad_json"])
async def test_a_run_without_a_change_feed_falls_back_to_full_and_records_why(
    client: Client, sandbox: Sandbox, feed: str, fault: str
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.inject(fault, times=None, path=feed)
    sandbox.control.lock_assignment(sandbox.control.assignments("1001")[0]["id"], lock_at=0)
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"]) == ("full", "completed")
    assert run["changes"]["assignments"] == 1
    assert run["requests"]["total"] == 3 + 3 + run["requests"]["retried"]
    assert run["requests"]["retried"] == int(fault == "bad_json")
    (fallback,) = await events_of(client, connection, "SyncWidened")
    assert fallback["payload"]["sync_id"] == run["id"]
    expected = {"denied": "canvas-forbidden", "not_found": "canvas-not-found"}
    assert fallback["payload"]["code"] == expected.get(fault, "canvas-answer-unusable")


async def test_a_missing_scope_is_recorded_as_the_fallback_reason(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.limit_scopes([r"/courses"])
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"], run["changes"]) == ("full", "completed", NO_CHANGES)
    (fallback,) = await events_of(client, connection, "SyncWidened")
    assert fallback["payload"]["code"] == "canvas-forbidden"


async def test_dropped_includes_are_recorded_as_the_fallback_reason(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.ignore_includes()
    assert (await client.sync(connection["id"]))["mode"] == "full"
    (fallback,) = await events_of(client, connection, "SyncWidened")
    assert "includes" in fallback["payload"]["detail"]


async def test_a_failed_course_is_read_again_without_a_new_change(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    await client.sync(connection["id"])
    assignment_id = sandbox.control.assignments("1001")[1]["id"]
    sandbox.control.rename_assignment(assignment_id, "Renamed")
    sandbox.control.inject("denied", path="/courses/1001/assignment_groups")
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]) == ("partial", {"total": 3, "done": 2, "failed": 1})
    run = await client.sync(connection["id"])
    assert (run["status"], run["requests"]["not_modified"]) == ("completed", 1)
    assert (run["changes"]["assignments"], run["requests"]["total"]) == (1, 4)


async def test_a_revoked_token_fails_an_incremental_run(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.revoke_token()
    run = await client.sync(connection["id"])
    assert (run["mode"], run["status"]) == ("incremental", "failed")
    assert run["error"]["code"] == "canvas-token-rejected"
