"""A calendar program that reads the feed of a student while their work in Canvas changes."""

from datetime import datetime, timedelta
from typing import Any

from icalendar import Calendar

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.end_to_end.conftest import Client, Response, wait_until

DISCUSSION_PARTS = [
    {"tag": "reply_to_topic", "points": 4, "due_at": "2027-01-11T06:59:59Z"},
    {"tag": "reply_to_entry", "points": 6, "due_at": "2027-01-14T06:59:59Z"},
]


async def share(client: Client) -> str:
    response = await client("POST", "/api/v1/calendar")
    assert response.status == 201, response.body
    url = str(response.json["url"])
    assert url.startswith(f"{client.url}/calendar/")
    return url


async def read(client: Client, url: str, **headers: str) -> Response:
    """Read the feed without a token, as a calendar program does."""
    async with client.session.get(url, headers=headers) as response:
        return Response(response.status, response.headers, await response.read())


async def events_of(client: Client, url: str) -> dict[str, Any]:
    """Return the events of the feed by uid."""
    response = await read(client, url)
    assert response.status == 200, response.body
    found: list[Any] = Calendar.from_ical(response.body).walk("VEVENT")
    return {str(event["uid"]): event for event in found}


async def sync_fully(client: Client, connection: dict[str, Any]) -> None:
    path = f"/api/v1/canvas/connections/{connection['id']}/sync"
    response = await client("POST", path, json={"mode": "full"})
    run = await client.wait_for_sync(connection["id"], response.json["id"])
    assert run["status"] == "completed"


async def dated_assignments(client: Client) -> list[Any]:
    items: list[Any] = (await client.get("/api/v1/canvas/assignments?limit=500"))["items"]
    return [item for item in items if item["due_at"]]


def uid_of(assignment: dict[str, Any]) -> str:
    return f"{assignment['id']}@easeboard"


async def test_the_feed_has_every_due_date_of_the_student(client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)
    url, assignments = await share(client), await dated_assignments(client)
    events = await wait_until(lambda: events_of(client, url))
    assert len(assignments) > 5
    assert set(events) == {uid_of(item) for item in assignments}
    courses = (await client.get("/api/v1/canvas/courses"))["items"]
    by_id = {course["id"]: course for course in courses}
    for item in assignments:
        event, course = events[uid_of(item)], by_id[item["course_id"]]
        is_done = item["status"] in {"submitted", "graded", "excused"}
        mark = "✓ " if is_done else ""
        assert str(event["summary"]) == f"{mark}{item['name']} [{course['course_code']}]"
        assert event["dtstart"].dt == datetime.fromisoformat(item["due_at"])
        assert str(event["url"]) == item["html_url"]
        assert course["name"] in str(event["description"]).splitlines()


async def test_a_moved_due_date_is_the_same_event_moved(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    url, moved = await share(client), (await dated_assignments(client))[-1]
    for days in (3, 5):
        before = (await wait_until(lambda: events_of(client, url)))[uid_of(moved)]
        due_at = before["dtstart"].dt + timedelta(days=days)
        sandbox.control.move_due_date(moved["canvas_id"], due_at)
        await sync_fully(client, connection)
        events = await events_after(client, url, uid_of(moved), before)
        assert events[uid_of(moved)]["dtstart"].dt == due_at
        assert events[uid_of(moved)]["sequence"] > before["sequence"]
        assert events[uid_of(moved)]["dtstamp"].dt >= before["dtstamp"].dt
        assert len(events) == len(await dated_assignments(client))


async def events_after(client: Client, url: str, uid: str, before: Any) -> dict[str, Any]:
    """Return the events as soon as one has changed; read models follow the log at once."""

    async def find_changed() -> dict[str, Any] | None:
        events = await events_of(client, url)
        return None if uid in events and events[uid] == before else events

    found: dict[str, Any] = await wait_until(find_changed)
    return found


async def test_submitted_work_is_marked_and_removed_work_vanishes(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    url, items = await share(client), await dated_assignments(client)
    open_items = [item for item in items if item["status"] in {"upcoming", "overdue", "missing"}]
    submitted, removed = open_items[0], open_items[1]
    before = (await events_of(client, url))[uid_of(submitted)]
    sandbox.control.submit(submitted["canvas_id"])
    sandbox.control.remove_assignment(removed["canvas_id"])
    await sync_fully(client, connection)
    events = await events_after(client, url, uid_of(submitted), before)
    event = events[uid_of(submitted)]
    assert str(event["summary"]) == f"✓ {before['summary']}"
    assert str(event["description"]).splitlines()[0] == "Submitted"
    assert event["dtstart"].dt == before["dtstart"].dt
    assert uid_of(removed) not in events


async def test_the_parts_of_a_discussion_are_entries_of_their_own(
    client: Client, sandbox: Sandbox
) -> None:
    course = sandbox.control.courses()[0]
    discussion = sandbox.control.add_discussion(course["id"], "Debate", parts=DISCUSSION_PARTS)
    sandbox.control.grade_part(discussion, "reply_to_topic", 4)
    await client.connect(sandbox)
    url = await share(client)
    events = await events_of(client, url)
    parts = {uid: event for uid, event in events.items() if "Debate" in str(event["summary"])}
    starts = {
        uid.rpartition("-")[2]: event["dtstart"].dt.isoformat() for uid, event in parts.items()
    }
    assert starts == {
        "reply_to_topic@easeboard": "2027-01-11T06:59:59+00:00",
        "reply_to_entry@easeboard": "2027-01-14T06:59:59+00:00",
    }
    marked = {uid.rpartition("-")[2]: str(event["summary"])[0] for uid, event in parts.items()}
    assert marked == {"reply_to_topic@easeboard": "✓", "reply_to_entry@easeboard": "D"}


async def test_an_unchanged_feed_is_not_sent_again_until_the_address_ends(
    client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    url = await share(client)
    first = await read(client, url)
    await sync_fully(client, connection)
    unchanged = await read(client, url, **{"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (await read(client, url)).body == first.body
    renewed = await share(client)
    assert (await read(client, url)).status == 404
    assert (await read(client, renewed)).body == first.body
    assert (await client("DELETE", "/api/v1/calendar")).status == 204
    assert (await read(client, renewed)).status == 404
