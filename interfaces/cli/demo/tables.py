"""Prints the results of the demo: tables, and commands to try."""

from typing import Any

from interfaces.cli.audit import format_score, summarize
from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.output import print_heading, print_line, print_table

Document = dict[str, Any]


def print_step(text: str) -> None:
    """Print the title of the next step."""
    print_heading(text)


def print_sync(sync: Document, seconds: float) -> None:
    """Print how many courses and requests a run needed, and what has changed."""
    changes, requests = sync["changes"], sync["requests"]
    print_line(
        f"Read {sync['courses']['done']} courses with {requests['total']} requests in "
        f"{seconds:.1f} s. Changes: courses {changes['courses']}, "
        f"assignments {changes['assignments']}, grades {changes['grades']}."
    )


def print_courses(courses: list[Document], assignments: list[Document]) -> None:
    """Print the table of courses, with the number of assignments in each status."""
    print_table(
        ["course", "code", "state", "assignments", "graded", "upcoming", "missing", "score"],
        [
            (
                course["name"],
                course["course_code"],
                course["state"],
                course["assignment_count"],
                *(
                    sum(
                        assignment["course_id"] == course["id"] and assignment["status"] == status
                        for assignment in assignments
                    )
                    for status in ("graded", "upcoming", "missing")
                ),
                course["current_score"],
            )
            for course in courses
        ],
    )


def print_dashboard(stats: Document) -> None:
    """Print the statistics of `GET /api/v1/dashboard/stats`."""
    assignments, rate = stats["assignments"], stats["completion_rate"]
    average = stats["grades"]["average_score"]
    print_table(
        ["courses", "assignments", "due this week", "overdue", "missing", "done", "average"],
        [
            (
                f"{stats['courses']['active']} of {stats['courses']['total']}",
                assignments["total"],
                assignments["due_this_week"],
                assignments["overdue"],
                assignments["missing"],
                "—" if rate is None else f"{rate:.0%}",
                None if average is None else round(average, 2),
            )
        ],
    )


def print_grades(changes: list[Document], names: dict[str, str]) -> None:
    """Print grade changes; `names` has the name of each assignment and course by its id."""
    print_table(
        ["time", "assignment or course", "before", "after"],
        [
            (
                _clock_time(change["changed_at"]),
                names.get(change["assignment_id"] or change["course_id"]),
                format_score(change["previous"]),
                format_score(change["current"]),
            )
            for change in changes
        ],
    )


def print_events(events: list[Document], names: dict[str, str]) -> None:
    """Print events; `names` has the name of each assignment and course by its Canvas id."""
    print_table(
        ["position", "time", "event", "details"],
        [
            (
                str(event["position"]),
                _clock_time(event["recorded_at"]),
                event["type"],
                _format_payload(event["payload"], names),
            )
            for event in events
        ],
    )


def print_next_steps(student: ApiClient, auditor: ApiClient, connection_id: str) -> None:
    """Print commands with the tokens of the demo, and the address of the documentation."""
    print_line(f"TOKEN={student.token}")
    for path in (
        "/api/v1/dashboard/stats",
        "/api/v1/canvas/courses",
        "'/api/v1/canvas/assignments?status=upcoming&sort=due_at'",
        "/api/v1/canvas/grades/history",
    ):
        quote = "'" if path.startswith("'") else ""
        print_line(
            f'curl -H "Authorization: Bearer $TOKEN" {quote}{student.url}{path.lstrip(quote)}'
        )
    print_line(f"AUDITOR={auditor.token}")
    events = f"{auditor.url}/api/v1/audit/connections/{connection_id}/events"
    print_line(f'curl -H "Authorization: Bearer $AUDITOR" {events}')
    print_line()
    print_line(f"API documentation: {student.url}/docs")


def _format_payload(payload: Document, names: dict[str, str]) -> str:
    subject = names.get(payload.get("assignment_id") or payload.get("course_id") or "")
    if "previous" in payload:
        previous, current = _score_or_dash(payload["previous"]), _score_or_dash(payload["current"])
        return f"{subject}: {previous} → {current}"
    left_out = {"connection_id", "sync_id", "person_id", "worker"}
    return summarize({name: value for name, value in payload.items() if name not in left_out})


def _score_or_dash(value: Any) -> str:
    return (format_score(value) if isinstance(value, dict) else value) or "—"


def _clock_time(timestamp: str) -> str:
    return timestamp[11:19]
