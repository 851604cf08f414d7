"""An example of each response for the OpenAPI document. Tests compare them with the schemas."""

from typing import Any

from domain.log_position import LogPosition
from domain.sync_run import queued_run
from interfaces.consistency_token import encode_consistency_token
from interfaces.http.schemas.admin_examples import ADMIN_EXAMPLES
from interfaces.http.schemas.audit_view_examples import audit_view_examples
from interfaces.http.schemas.projection_examples import PROJECTION_EXAMPLES
from interfaces.http.schemas.proof_examples import SEAL_EXAMPLE, proof_examples
from interfaces.http.schemas.reading_examples import READING_EXAMPLES
from interfaces.http.schemas.receipt_example import RECEIPT_EXAMPLE
from interfaces.http.schemas.take_out_examples import take_out_examples

CONNECTION_ID = "3f0c1a52-6a0e-5b7e-9d0f-7a1b2c3d4e5f"
COURSE_ID = "8c2f6e11-0b59-5c7d-8a44-1f2e3d4c5b6a"
ASSIGNMENT_ID = "b7a90d3e-52f4-5e0c-93d1-6a5b4c3d2e1f"
SYNC_ID = "5d1e8f70-2c3b-4a69-8e7d-0f1a2b3c4d5e"
USER_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
EXAMPLE_TIME = "2026-09-01T05:59:59Z"
TOKEN_REJECTED_EXAMPLE = "school.instructure.com rejects the token; create a new one in Canvas."  # noqa: S105  # no token
COURSE_SCORES = {
    "current_score": 87.5,
    "current_grade": "B+",
    "final_score": 61.2,
    "final_grade": "D-",
}

QUEUED_SYNC_EXAMPLE = queued_run(
    sync_id=SYNC_ID, connection_id=CONNECTION_ID, trigger="manual", mode="full"
)
SYNC_EXAMPLE = {
    **QUEUED_SYNC_EXAMPLE,
    "status": "completed",
    "started_at": EXAMPLE_TIME,
    "finished_at": EXAMPLE_TIME,
    "courses": {"total": 6, "done": 6, "failed": 0},
    "changes": {"courses": 0, "assignments": 1, "grades": 1},
    "requests": {"total": 7, "not_modified": 0, "retried": 0},
}
CONNECTION_EXAMPLE = {
    "id": CONNECTION_ID,
    "canvas_url": "https://school.instructure.com",
    "canvas_name": "My school",
    "canvas_user": {"id": "9007199254740993", "name": "Ada Lovelace"},
    "status": "active",
    "token_fingerprint": "0a1b2c3d",
    "token_rotated_at": EXAMPLE_TIME,
    "last_validated_at": EXAMPLE_TIME,
    "last_synced_at": EXAMPLE_TIME,
    "next_sync_at": "2026-09-01T07:59:59Z",
    "created_at": EXAMPLE_TIME,
    "version": 3,
}
COURSE_EXAMPLE = {
    "id": COURSE_ID,
    "connection_id": CONNECTION_ID,
    "canvas_id": "9007199254740995",
    "name": "Physics",
    "course_code": "PHYS-1",
    "term": {"id": "7", "name": "Autumn", "start_at": EXAMPLE_TIME, "end_at": None},
    "role": "student",
    "state": "active",
    "favorite": True,
    "teachers": [{"id": "31", "name": "Emmy Noether"}],
    "time_zone": "America/Denver",
    **COURSE_SCORES,
    "grading_period": {"id": "3", "title": "Q2"},
    "grades_hidden": False,
    "weighted": True,
    "exact": True,
    "image_url": None,
    "html_url": "https://school.instructure.com/courses/9007199254740995",
    "assignment_count": 20,
    "problem": None,
    "updated_at": EXAMPLE_TIME,
}
GRADE_FIELDS = {
    "score": 9.0,
    "grade": "9",
    "graded_at": EXAMPLE_TIME,
    "posted_at": EXAMPLE_TIME,
    "excused": False,
}
LATENESS_FIELDS = {"late": False, "missing": False}
SUBMISSION_EXAMPLE = {
    **GRADE_FIELDS,
    **LATENESS_FIELDS,
    "state": "graded",
    "submitted_at": EXAMPLE_TIME,
    "points_deducted": None,
    "attempt": 1,
}
ASSIGNMENT_EXAMPLE = {
    "id": ASSIGNMENT_ID,
    "connection_id": CONNECTION_ID,
    "course_id": COURSE_ID,
    "canvas_id": "9007199254740997",
    "name": "Essay on light",
    "group": {"id": "12", "name": "Essays", "weight": 40.0},
    "due_at": EXAMPLE_TIME,
    "unlock_at": None,
    "lock_at": None,
    "points_possible": 10.0,
    "grading_type": "points",
    "submission_types": ["online_upload"],
    "html_url": "https://school.instructure.com/courses/9007199254740995/assignments/1",
    "status": "graded",
    "locked": False,
    "lock_reason": None,
    "parts": [],
    "omit_from_final_grade": False,
    "grading_period_id": "3",
    "submission": SUBMISSION_EXAMPLE,
    "updated_at": EXAMPLE_TIME,
}
GRADE_EXAMPLE = {
    "course_id": COURSE_ID,
    "connection_id": CONNECTION_ID,
    "course_name": "Physics",
    **COURSE_SCORES,
    "grades_hidden": False,
    "assignments": [
        {
            "assignment_id": ASSIGNMENT_ID,
            "name": "Essay on light",
            "points_possible": 10.0,
            **GRADE_FIELDS,
            **LATENESS_FIELDS,
        }
    ],
}
GRADE_CHANGE_EXAMPLE = {
    "id": "9e2a7c41-5b38-5d06-8f1e-2c3d4e5f6a7b",
    "changed_at": EXAMPLE_TIME,
    "course_id": COURSE_ID,
    "course_name": "Physics",
    "assignment_id": ASSIGNMENT_ID,
    "assignment_name": "Essay on light",
    "subject": "assignment",
    "baseline": False,
    "previous": {"score": 7.5, "grade": "7.5"},
    "current": {"score": 9.0, "grade": "9"},
    "sync_id": SYNC_ID,
}
STATS_EXAMPLE = {
    "courses": {"active": 5, "total": 6},
    "assignments": {
        "total": 120,
        "upcoming": 30,
        "due_this_week": 4,
        "overdue": 2,
        "missing": 1,
        "submitted": 10,
        "graded": 77,
    },
    "grades": {"average_score": 88.1, "changed_this_week": 3},
    "completion_rate": 0.7312,
    "next_due": [ASSIGNMENT_EXAMPLE],
    "courses_at_a_glance": [
        {
            "course_id": COURSE_ID,
            "name": "Physics",
            "current_score": 87.5,
            "done": 14,
            "total": 20,
        }
    ],
    "activity": [{"date": "2026-09-01", "submitted": 2, "graded": 1}],
    "connections": {"active": 1, "failing": 0},
    "last_synced_at": EXAMPLE_TIME,
}
EVENT_EXAMPLE = {
    "position": 4711,
    "event_id": "1c9d2b60-7e3f-4a58-9b16-5d4c3b2a1f0e",
    "stream": "connection",
    "version": 2,
    "type": "TokenRotated",
    "recorded_at": EXAMPLE_TIME,
    "actor": USER_ID,
    "correlation_id": "0b6b2a34-1f7e-4f53-9d8a-2c1d0e9f8a7b",
    "causation_id": None,
    "payload": {"token_fingerprint": "0a1b2c3d"},
    "seal": SEAL_EXAMPLE,
}
COMPONENTS = (
    "database",
    "migrations",
    "projections",
    "api",
    "worker",
    "projector",
    "scheduler",
    "syncing",
    "log",
    "canvas",
    "sign_in",
)
EXAMPLE_BY_COMPONENT: dict[str, Any] = {
    "Connection": CONNECTION_EXAMPLE,
    "AuditedConnection": {**CONNECTION_EXAMPLE, "user_id": USER_ID},
    "SetUp": {
        "connection": CONNECTION_EXAMPLE,
        "sync": {**QUEUED_SYNC_EXAMPLE, "trigger": "setup"},
    },
    "Validation": {"valid": False, "checked_at": EXAMPLE_TIME, "reason": TOKEN_REJECTED_EXAMPLE},
    "Sync": QUEUED_SYNC_EXAMPLE,
    "SyncStatus": {
        "items": [
            {
                "connection_id": CONNECTION_ID,
                "state": "idle",
                "sync": SYNC_EXAMPLE,
                "next_sync_at": "2026-09-01T07:59:59Z",
            }
        ]
    },
    "Course": COURSE_EXAMPLE,
    "Assignment": ASSIGNMENT_EXAMPLE,
    "Grade": GRADE_EXAMPLE,
    "GradeChange": GRADE_CHANGE_EXAMPLE,
    "Everything": {
        "connections": [CONNECTION_EXAMPLE],
        "courses": [COURSE_EXAMPLE],
        "assignments": [ASSIGNMENT_EXAMPLE],
        "grades": [GRADE_EXAMPLE],
        "synced_at": EXAMPLE_TIME,
    },
    "WhatIfTotals": {
        "course_id": COURSE_ID,
        "exact": True,
        "reason": None,
        "current_score": 89.25,
        "current_grade": "B+",
        "final_score": 63.4,
        "final_grade": "D",
    },
    "Stats": STATS_EXAMPLE,
    "CalendarAddress": {
        "url": "https://easeboard.school.edu/calendar/a-secret-that-easeboard-made.ics",
        "created_at": EXAMPLE_TIME,
    },
    "AuditedEvent": {
        **EVENT_EXAMPLE,
        "sentence": "The access token was replaced by the one with fingerprint 0a1b2c3d.",
    },
    "StateThen": {
        "connection_id": CONNECTION_ID,
        "position": 4711,
        "version": 3,
        "redacted": False,
        "connection": CONNECTION_EXAMPLE,
        "sync": {"version": 12, "run": SYNC_EXAMPLE, "completed_once": True, "courses": {}},
    },
    **audit_view_examples(
        {
            "connections": CONNECTION_EXAMPLE,
            "courses": COURSE_EXAMPLE,
            "assignments": ASSIGNMENT_EXAMPLE,
            "grades": GRADE_EXAMPLE,
        },
        STATS_EXAMPLE,
        SYNC_ID,
    ),
    **proof_examples(EVENT_EXAMPLE),
    **(PROJECTION_EXAMPLES | ADMIN_EXAMPLES),
    "GradeReceipt": RECEIPT_EXAMPLE,
    **READING_EXAMPLES,
    **take_out_examples(
        {
            "connections": CONNECTION_EXAMPLE,
            "courses": COURSE_EXAMPLE,
            "assignments": ASSIGNMENT_EXAMPLE,
            "grades": GRADE_EXAMPLE,
            "grade_changes": GRADE_CHANGE_EXAMPLE,
            "syncs": SYNC_EXAMPLE,
        },
        EVENT_EXAMPLE,
    ),
    "Alive": {"status": "ok"},
    "Readiness": {"status": "ok", "components": dict.fromkeys(COMPONENTS, "ok")},
    "LiveMessage": {
        "type": "sync",
        "sync": SYNC_EXAMPLE,
        "at": EXAMPLE_TIME,
        "consistency_token": encode_consistency_token(LogPosition(4711, 4711)),
    },
}


def example_of(component: str) -> Any:
    """Return an example of a component of the document, or of a page of a component."""
    if component.startswith("PageOf_"):
        item = EXAMPLE_BY_COMPONENT[component.removeprefix("PageOf_").removesuffix("_")]
        return {"items": [item], "next_cursor": None}
    return EXAMPLE_BY_COMPONENT[component]
