"""Tests of the sentences in which `easeboard listen` describes live messages."""

from typing import Any

import pytest

from interfaces.cli.live_lines import describe_message

SYNC: dict[str, Any] = {
    "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "trigger": "manual",
    "mode": "incremental",
    "courses": {"total": 0, "done": 0, "failed": 0},
    "changes": {"courses": 1, "assignments": 0, "grades": 2},
    "error": None,
}
FAILURE = {"code": "canvas-timeout", "detail": "Canvas did not respond in time."}


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"status": "queued"}, "was requested (manual, incremental)."),
        ({"status": "running"}, "started."),
        (
            {"status": "running", "courses": {"total": 9, "done": 3, "failed": 1}},
            "is running: 4 of 9 courses.",
        ),
        ({"status": "completed"}, "completed: 1 course, 0 assignments, 2 grades changed."),
        (
            {"status": "partial", "courses": {"total": 9, "done": 8, "failed": 1}},
            "partial: 1 course, 0 assignments, 2 grades changed, 1 course failed.",
        ),
        ({"status": "failed", "error": FAILURE}, "failed: Canvas did not respond in time."),
        ({"status": "cancelled"}, "cancelled."),
    ],
)
def test_each_state_of_a_sync_has_a_sentence(members: dict[str, Any], sentence: str) -> None:
    message = {"type": "sync", "at": "2026-09-01T12:00:00Z", "sync": SYNC | members}
    assert describe_message(message) == [("2026-09-01T12:00:00Z", f"Sync 6f9619ff {sentence}")]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {"previous": {"score": 8.5, "grade": "8.5"}, "current": {"score": 9.0, "grade": "A-"}},
            "Grade of “Essay” in “Ethics”: 8.5 → 9 A-",
        ),
        ({"previous": None, "current": {"score": None, "grade": "pass"}}, "none → pass"),
        ({"previous": {"score": 4.0, "grade": None}, "current": None}, "4 → none"),
        (
            {"subject": "course", "previous": None, "current": {"score": 81.25, "grade": None}},
            "Total of “Ethics”: none → 81.25",
        ),
    ],
)
def test_a_grade_is_described_before_and_after(members: dict[str, Any], sentence: str) -> None:
    change = {
        "changed_at": "2026-09-01T12:00:00Z",
        "course_name": "Ethics",
        "assignment_name": "Essay",
        "subject": "assignment",
        **members,
    }
    [(at, line)] = describe_message({"type": "grade", "change": change})
    assert at == change["changed_at"]
    assert sentence in line


def test_a_snapshot_names_each_connection_and_what_was_missed() -> None:
    idle = {"connection_id": SYNC["id"], "state": "idle", "sync": None, "next_sync_at": None}
    lines = describe_message({"type": "snapshot", "missed": True, "items": [idle]})
    assert [line for _, line in lines] == [
        "Some messages were missed while there was no connection.",
        "Connection 6f9619ff: no sync is running; none is due.",
    ]
    running = idle | {"state": "running"}
    [(_, line)] = describe_message({"type": "snapshot", "items": [running]})
    assert line == "Connection 6f9619ff: a sync is running."
    assert describe_message({"type": "snapshot", "items": []}) == [
        ("", "This user has no Canvas connection.")
    ]


def test_a_message_of_an_unknown_kind_is_named() -> None:
    assert "of the type news" in describe_message({"type": "news"})[0][1]
