"""Examples of what a student saw, and of what changed, by schema."""

from collections.abc import Mapping
from typing import Any


def audit_view_examples(documents: Mapping[str, Any], stats: Any, sync_id: str) -> dict[str, Any]:
    """Return the examples; `documents` has one of a connection, course, assignment and grade."""
    connection, course, assignment = (
        documents[name] for name in ("connections", "courses", "assignments")
    )
    at = connection["created_at"]
    head = {"connection_id": connection["id"], "redacted": False, "left_out": []}
    return {
        "ViewThen": {
            **head,
            "as_of": at,
            "position": 4711,
            "connection": {
                name: value for name, value in connection.items() if name != "next_sync_at"
            },
            "courses": [course],
            "assignments": [assignment],
            "grades": [documents["grades"]],
            "dashboard": stats,
        },
        "ViewDiff": {
            **head,
            "from": "2026-09-01T00:00:00Z",
            "to": "2026-09-02T00:00:00Z",
            "from_position": 4690,
            "to_position": 4711,
            "items": [{**_grade_change(course, assignment), "at": at, "sync_id": sync_id}],
        },
    }


def _grade_change(course: Mapping[str, Any], assignment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "position": 4702,
        "kind": "grade_changed",
        "sentence": "Grade of “Essay on light” in “Physics” changed from 7.5 to 9 of 10.",
        "course": _reference(course),
        "assignment": _reference(assignment),
        "before": {"score": 7.5, "grade": "7.5"},
        "after": {"score": 9.0, "grade": "9"},
    }


def _reference(document: Mapping[str, Any]) -> dict[str, Any]:
    return {member: document[member] for member in ("id", "canvas_id", "name")}
