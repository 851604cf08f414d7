"""The main job: connect a Canvas account, sync it, change it, sync again, and read the data."""

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.deadlines import scaled
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Client, wait_until

CONNECTION_MEMBERS = {
    "id", "canvas_url", "canvas_name", "canvas_user", "status", "token_fingerprint",
    "token_rotated_at", "last_validated_at", "last_synced_at", "next_sync_at", "created_at",
    "version",
}  # fmt: skip


async def test_what_canvas_shows_can_be_read_back(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    assert set(connection) == CONNECTION_MEMBERS
    data = await client.get("/api/v1/canvas/data")
    canvas_courses = sandbox.control.courses()
    assert {course["canvas_id"] for course in data["courses"]} == {
        str(c["id"]) for c in canvas_courses
    }
    readable = [c for c in data["courses"] if c["state"] != "restricted"]
    assert len(data["assignments"]) == sum(course["assignment_count"] for course in readable)
    assert data["synced_at"] == data["connections"][0]["last_synced_at"]


async def test_a_changed_grade_is_in_the_grade_history(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert run["changes"]["grades"] >= 1
    history_path = f"/api/v1/canvas/grades/history?assignment_id={graded['id']}"
    changes = (await client.get(history_path))["items"]
    assert changes[-1]["current"]["score"] == 1.25
    assert changes[-1]["previous"]["score"] == graded["submission"]["score"]
    assert changes[-1]["sync_id"] == run["id"]


async def test_an_unchanged_account_changes_nothing(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    run = await client.sync(connection["id"])
    assert run["status"] == "completed"
    assert run["changes"] == {"courses": 0, "assignments": 0, "grades": 0}


async def test_the_response_to_a_command_equals_the_read_model(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    path = f"/api/v1/canvas/connections/{connection['id']}"
    renewed = await client(
        "PUT", path + "/token", json={"api_token": sandbox.control.issue_token()}
    )
    token = renewed.headers["Consistency-Token"]
    assert await client.get(path, **{"Consistency-Token": token}) == renewed.json
    assert renewed.json["token_fingerprint"] != connection["token_fingerprint"]


async def test_a_revoked_token_is_reported_and_a_new_one_reactivates(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    path = f"/api/v1/canvas/connections/{connection['id']}"
    sandbox.control.revoke_token()
    response = await client("POST", path + "/validate")
    assert (response.status, response.json["valid"]) == (200, False)
    refused = await client("POST", path + "/sync")
    assert refused.json["type"] == "/problems/connection-not-active"
    reactivated = await client(
        "PUT", path + "/token", json={"api_token": sandbox.control.issue_token()}
    )
    assert reactivated.json["status"] == "active"


async def test_a_token_of_another_student_is_refused(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    path = f"/api/v1/canvas/connections/{connection['id']}/token"
    response = await client("PUT", path, json={"api_token": sandbox.tokens[1]["token"]})
    assert (response.status, response.json["type"]) == (422, "/problems/canvas-user-mismatch")


async def test_a_closed_connection_is_deleted_except_for_its_history(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    path = f"/api/v1/canvas/connections/{connection['id']}"
    response = await client("DELETE", path)
    assert response.status == 204
    token = {"Consistency-Token": response.headers["Consistency-Token"]}
    data = await client.get("/api/v1/canvas/data", **token)
    assert (data["connections"], data["courses"], data["assignments"]) == ([], [], [])
    assert (await client("GET", path)).status == 404
    auditor = client.as_person(BOB, "auditor")
    events = await auditor.get(f"/api/v1/audit/connections/{connection['id']}/events?limit=500")
    assert "ConnectionClosed" in [event["type"] for event in events["items"]]


async def test_another_person_cannot_read_or_change_anything(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    other = client.as_person(BOB)
    path = f"/api/v1/canvas/connections/{connection['id']}"
    for method, tail in [("GET", ""), ("POST", "/sync"), ("POST", "/validate"), ("DELETE", "")]:
        assert (await other(method, path + tail)).status == 404
    assert (await other.get("/api/v1/canvas/data"))["courses"] == []
    assert (await other.get("/api/v1/canvas/grades/history"))["items"] == []


async def test_connecting_twice_is_refused_with_the_id_of_the_first(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    body = {
        "canvas_url": sandbox.url,
        "canvas_name": "Again",
        "api_token": sandbox.tokens[0]["token"],
    }
    response = await client("POST", "/api/v1/canvas/setup", json=body)
    assert (response.status, response.json["connection_id"]) == (409, connection["id"])


async def test_a_second_sync_names_the_first_and_can_be_cancelled(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    sandbox.control.set_latency(scaled(1.5) * 1000)
    path = f"/api/v1/canvas/connections/{connection['id']}/sync"
    first = await client("POST", path, json={"mode": "full"})
    second = await client("POST", path)
    assert (second.status, second.json["sync_id"]) == (409, first.json["id"])
    cancelled = await client("DELETE", f"/api/v1/sync/connections/{connection['id']}")
    assert (cancelled.status, cancelled.json["status"]) == (202, "cancelled")
    repeated = await client("DELETE", f"/api/v1/sync/connections/{connection['id']}")
    assert repeated.json["type"] == "/problems/no-sync-running"


async def test_the_dashboard_counts_what_the_lists_show(client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)
    stats = await client.get("/api/v1/dashboard/stats")
    active_courses = (await client.get("/api/v1/canvas/courses?state=active"))["items"]
    courses = [course for course in active_courses if course["role"] == "student"]
    assert stats["courses"]["active"] == len(courses)
    assert len(stats["activity"]) == 28
    active = {course["id"] for course in courses}
    listed = (await client.get("/api/v1/canvas/assignments?limit=500"))["items"]
    counted = [item for item in listed if item["course_id"] in active]
    assert stats["assignments"]["total"] == len(counted)
    for status in ("graded", "missing", "upcoming", "overdue"):
        page = await client.get(f"/api/v1/canvas/assignments?limit=500&status={status}")
        expected = sum(item["course_id"] in active for item in page["items"])
        assert stats["assignments"][status] == expected, status
    upcoming = sorted(item["due_at"] for item in counted if item["status"] == "upcoming")
    assert [item["due_at"] for item in stats["next_due"]] == upcoming[:5]


async def test_a_rebuilt_read_model_returns_the_same_data(client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)
    before = await client.get("/api/v1/canvas/data")
    admin = client.as_person(BOB, "admin")
    versions = {
        row["name"]: row["version"]
        for row in (await admin.get("/api/v1/admin/projections"))["items"]
    }
    for name in versions:
        assert (await admin("POST", f"/api/v1/admin/projections/{name}/rebuild")).status == 202

    async def all_rebuilt() -> bool:
        rows = (await admin.get("/api/v1/admin/projections"))["items"]
        return all(row["version"] == versions[row["name"]] + 1 for row in rows)

    await wait_until(all_rebuilt)
    assert await client.get("/api/v1/canvas/data") == before


async def test_the_history_has_the_actor_of_every_change_and_every_read(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    auditor = client.as_person(BOB, "auditor")
    path = f"/api/v1/audit/connections/{connection['id']}"
    first = (await auditor.get(path + "/events?limit=500"))["items"]
    assert [event["type"] for event in first[:2]] == ["ConnectionOpened", "SyncRequested"]
    assert first[0]["actor"] == str(client.person)
    reads = (await auditor.get(path + "/events?type=HistoryRead"))["items"]
    assert reads[0]["actor"] == str(auditor.person)
    state = await auditor.get(path + "/state?version=1")
    assert state["connection"]["token_fingerprint"] == connection["token_fingerprint"]
    assert state["sync"]["version"] == 1, "the run that was requested in the same append"


async def test_no_response_contains_the_token(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    token = sandbox.tokens[0]["token"].encode()
    auditor_and_admin = client.as_person(client.person, "auditor", "admin")
    for path in (
        "/api/v1/canvas/data",
        "/api/v1/sync/logs",
        f"/api/v1/audit/connections/{connection['id']}/events?limit=500",
        f"/api/v1/audit/connections/{connection['id']}/state",
        "/metrics",
        "/openapi.json",
    ):
        response = await auditor_and_admin("GET", path)
        assert response.status == 200, path
        assert token not in response.body
