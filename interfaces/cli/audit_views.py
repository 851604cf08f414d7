"""`easeboard audit view` and `diff`: print what a student saw, and what changed for them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from interfaces.access_description import describe_access
from interfaces.cli.output import print_heading, print_json, print_line, print_wrapped
from interfaces.cli.purpose import cli_reader
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.queries.sentence_parts import at_time, counted, number, quoted
from interfaces.service import Service

Document = dict[str, Any]
R = TypeVar("R")

INDENT = "  "


def show_view(connection_id: UUID, as_of: datetime, *, purpose: str, json: bool) -> None:
    """Print what the student saw of a connection at a time; the reading is recorded before.

    Raises: ConnectionNotFound if no such connection was ever opened.
    """

    async def read(service: Service) -> Document:
        view, _ = await service.view_at(connection_id, as_of=as_of)
        document: Document = orjson.loads(view.encode())
        return document

    what = describe_access("view", {"as_of": as_of})
    view = run(_recorded(read, connection_id, what, purpose))
    if json:
        print_json(view)
    else:
        _print_view(view)


def show_diff(
    connection_id: UUID, since: datetime, until: datetime | None, *, purpose: str, json: bool
) -> None:
    """Print what changed for the student between two times; the reading is recorded before.

    Raises: ConnectionNotFound if no such connection was ever opened.
    """

    async def read(service: Service) -> Document:
        diff, _ = await service.diff(connection_id, since=since, until=until)
        return diff

    what = describe_access("diff", {"from": since, "to": until})
    diff = run(_recorded(read, connection_id, what, purpose))
    if json:
        print_json(diff)
    else:
        _print_diff(diff)


async def _recorded(
    read: Callable[[Service], Awaitable[R]], connection_id: UUID, what: str, purpose: str
) -> R:
    """Return what is read, after the reading was recorded."""
    reader = cli_reader()
    command = RecordHistoryRead(
        connection_id=connection_id, reader=reader, what=what, purpose=purpose
    )
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            result = await read(process.service)
            await process.service.record_history_read(command)
    return result


def _print_view(view: Document) -> None:
    print_wrapped(
        f"What the student saw of connection {view['connection_id']} at {at_time(view['as_of'])},"
        f" up to event {view['position']}."
    )
    if view["redacted"]:
        print_wrapped("The person was erased: nothing of what they saw can be read.")
        return
    connection = view["connection"]
    if connection is None:
        print_wrapped("The connection was not open yet.")
        return
    user = quoted(connection["canvas_user"]["name"], connection["canvas_user"]["id"])
    print_wrapped(
        f"{user} at {quoted(connection['canvas_name'], 'Canvas')} ({connection['canvas_url']}):"
        f" {connection['status']}, last synchronised: {at_time(connection['last_synced_at'])}."
    )
    for event in view["left_out"]:
        models = ", ".join(event["read_models"])
        print_wrapped(
            f"Without event {event['position']} ({event['type']}) in {models}: {event['reason']}"
        )
    _print_dashboard(view["dashboard"])
    _print_courses(view)


def _print_dashboard(dashboard: Document) -> None:
    print_heading("Dashboard (of this connection only)")
    courses, counts, grades = (dashboard[name] for name in ("courses", "assignments", "grades"))
    rate = dashboard["completion_rate"]
    print_wrapped(
        f"{courses['active']} of {counted(courses['total'], 'course')} active;"
        f" average score {number(grades['average_score'])};"
        f" {counted(grades['changed_this_week'], 'grade change')} in 7 days;"
        f" done: {'none' if rate is None else f'{rate:.0%}'}.",
        INDENT,
    )
    numbers = ", ".join(
        f"{counts[name]} {name.replace('_', ' ')}" for name in counts if name != "total"
    )
    print_wrapped(f"{counted(counts['total'], 'assignment')}: {numbers}.", INDENT)


def _print_courses(view: Document) -> None:
    by_course: dict[str, list[Document]] = {}
    for assignment in view["assignments"]:
        by_course.setdefault(assignment["course_id"], []).append(assignment)
    for course in view["courses"]:
        total = _score(course["current_score"], course["current_grade"], None)
        print_line()
        print_wrapped(course["name"] or f"Course {course['canvas_id']}")
        print_wrapped(
            f"{course['state']}, as {course['role']}; total in per cent: {total};"
            f" {counted(course['assignment_count'], 'assignment')}.",
            INDENT,
        )
        for assignment in by_course.get(course["id"], []):
            print_wrapped(_assignment_text(assignment), INDENT, hanging=INDENT * 2)


def _assignment_text(assignment: Document) -> str:
    name = quoted(assignment["name"], f"Assignment {assignment['canvas_id']}")
    due = f"due {at_time(assignment['due_at'])}" if assignment["due_at"] else "without a due date"
    parts = [due, assignment["status"]]
    submission: Mapping[str, Any] | None = assignment["submission"]
    if submission and (submission["score"] is not None or submission["grade"] is not None):
        points = assignment["points_possible"]
        parts.append(_score(submission["score"], submission["grade"], points))
    if assignment["locked"]:
        parts.append("locked")
    return f"{name}: {', '.join(parts)}"


def _score(score: float | None, grade: str | None, points: float | None) -> str:
    if score is None:
        return grade or "none"
    unit = "" if points is None else f" of {number(points)}"
    return f"{number(score)}{unit}" + (f" ({grade})" if grade and grade != number(score) else "")


def _print_diff(diff: Document) -> None:
    print_wrapped(
        f"What changed for the student of connection {diff['connection_id']}"
        f" from {at_time(diff['from'])} to {at_time(diff['to'])}."
    )
    if diff["redacted"]:
        print_wrapped("The person was erased: nothing of what they saw can be read.")
    elif not diff["items"]:
        print_wrapped("Nothing changed.")
    for item in diff["items"]:
        head = at_time(item["at"])[:19] if item["at"] else "at an unknown time"
        print_wrapped(item["sentence"], f"{head}  ", hanging=" " * (len(head) + 2))
