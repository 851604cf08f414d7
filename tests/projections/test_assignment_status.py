"""The status, the lock and the parts of an assignment follow from its record and from the clock."""

from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from projections.assignments.query import assignments_of
from tests.canvas_builders import assignment, course, hidden_grade, part, submission, unsubmitted
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch

NOW = datetime(2026, 9, 15, tzinfo=UTC)
BEFORE_READ, PAST, FUTURE, LATER = (
    f"2026-{day}T00:00:00Z" for day in ("08-31", "09-14", "09-16", "09-18")
)
UNSUBMITTED = unsubmitted()
STATUSES = {
    "excused",
    "graded",
    "submitted",
    "missing",
    "overdue",
    "past",
    "upcoming",
    "undated",
}


@pytest.fixture
def read_back(project_new: ProjectNewEvents, pool: AsyncConnectionPool) -> Any:
    """Returns a function that records an assignment and queries it at a time, with filters."""
    log = EventLogBuilder()

    async def read_back(now: datetime = NOW, statuses: Any = (), **fields: Any) -> Any:
        if not log.events:
            StudentAccount(log).open().run((course(), [assignment("1", **fields)]))
            project_new(log.events)
        page = await fetch(
            assignments_of(PERSON, now=now, statuses=frozenset(statuses), limit=None), pool
        )
        return next(iter(decode_page(page)), None)

    return read_back


@pytest.mark.parametrize(
    ("status", "work", "fields"),
    [
        ("excused", submission(excused=True), {"due_at": PAST}),
        ("excused", submission(excused=True, state="pending_review"), {"due_at": PAST}),
        ("graded", submission(), {"due_at": PAST}),
        ("graded", submission(score=None, grade="complete"), {"due_at": PAST}),
        ("graded", submission(state="submitted"), {"due_at": PAST}),
        ("graded", submission(submitted_at=None), {"submission_types": ["on_paper"]}),
        ("submitted", submission(state="pending_review"), {"due_at": PAST}),
        ("submitted", submission(), {"grading_type": "not_graded"}),
        ("submitted", hidden_grade(), {"due_at": PAST}),
        ("submitted", unsubmitted(state="pending_review"), {"due_at": FUTURE}),
        ("missing", unsubmitted(missing=True), {"due_at": None}),
        ("overdue", UNSUBMITTED, {"due_at": PAST}),
        ("overdue", None, {"due_at": NOW.isoformat()}),
        ("overdue", hidden_grade(submitted_at=None), {"due_at": PAST}),
        ("overdue", UNSUBMITTED, {"due_at": PAST, "submission_types": ["external_tool"]}),
        ("overdue", None, {"due_at": PAST, "submission_types": ["on_paper", "online_upload"]}),
        *(
            ("past", UNSUBMITTED, {"due_at": PAST, "submission_types": types})
            for types in ([], ["none"], ["not_graded"], ["on_paper"], ["wiki_page"])
        ),
        ("past", submission(submitted_at=None), {"submission_types": ["not_graded"]}),
        ("upcoming", None, {"due_at": FUTURE}),
        ("upcoming", None, {"due_at": FUTURE, "submission_types": ["on_paper"]}),
        ("undated", UNSUBMITTED, {"due_at": None}),
        ("undated", None, {"due_at": None, "submission_types": ["none"]}),
    ],
)
async def test_the_status_is_the_first_that_holds(
    read_back: Any, status: str, work: Any, fields: dict[str, Any]
) -> None:
    assert (await read_back(submission=work, **fields))["status"] == status
    assert await read_back(statuses={status})
    assert await read_back(statuses=STATUSES - {status}) is None


@pytest.mark.parametrize("flag", ["late", "missing"])
async def test_a_flag_is_found_whatever_the_status(read_back: Any, flag: str) -> None:
    assert (await read_back(submission=submission(**{flag: True})))["status"] == "graded"
    assert await read_back(statuses={flag})
    assert await read_back(statuses={"overdue"}) is None


LOCKED_BY_DATE = {
    "locked_for_user": True,
    "locked_by": "date",
    "lock_explanation": "Locked until then",
}
LOCKED_BY_MODULE = {
    "locked_for_user": True,
    "locked_by": "module",
    "lock_explanation": 'It is part of "Week 2"',
}
OPENS, CLOSED = "It opens on 2026-09-16 at 00:00 UTC.", "It closed on 2026-09-14 at 00:00 UTC."
OLD = {"locked_for_user": None}


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        (None, OLD),
        (None, OLD | {"unlock_at": PAST, "lock_at": FUTURE}),
        (OPENS, OLD | {"unlock_at": FUTURE, "lock_at": LATER}),
        (CLOSED, OLD | {"lock_at": PAST}),
        (None, {"unlock_at": FUTURE, "lock_at": BEFORE_READ}),
        (CLOSED, {"lock_at": PAST}),
        (None, {"lock_at": FUTURE}),
        ("Locked until then", LOCKED_BY_DATE | {"unlock_at": FUTURE}),
        (None, LOCKED_BY_DATE | {"unlock_at": PAST}),
        (CLOSED, LOCKED_BY_DATE | {"unlock_at": "2026-09-13T00:00:00Z", "lock_at": PAST}),
        ("Locked until then", LOCKED_BY_DATE | {"unlock_at": None}),
        ("Locked until then", LOCKED_BY_DATE | {"lock_at": BEFORE_READ, "unlock_at": BEFORE_READ}),
        (OPENS, LOCKED_BY_DATE | {"lock_explanation": None, "unlock_at": FUTURE}),
        (
            "It closed on 2026-08-31 at 00:00 UTC.",
            LOCKED_BY_DATE | {"lock_explanation": None, "lock_at": BEFORE_READ},
        ),
        ('It is part of "Week 2"', LOCKED_BY_MODULE | {"unlock_at": PAST, "lock_at": FUTURE}),
        ('It is part of "Week 2"', LOCKED_BY_MODULE | {"lock_at": PAST}),
        (
            "It belongs to a module that is not unlocked for you yet.",
            LOCKED_BY_MODULE | {"lock_explanation": None},
        ),
        (
            "Canvas has locked it and gives no reason.",
            {"locked_for_user": True, "locked_by": "other", "unlock_at": PAST},
        ),
    ],
)
async def test_canvas_states_the_lock_and_its_dates_move_it(
    read_back: Any, reason: str | None, fields: dict[str, Any]
) -> None:
    document = await read_back(**fields)
    assert (document["locked"], document["lock_reason"]) == (reason is not None, reason)


def _discussion(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {
        "due_at": parts[0]["due_at"],
        "submission_types": ["discussion_topic"],
        "submission": UNSUBMITTED,
        "parts": list(parts),
        **fields,
    }


async def test_parts_have_a_status_of_their_own_and_follow_the_clock(read_back: Any) -> None:
    graded = submission(score=3.456, submitted_at=None)
    entries = part("reply_to_entry", due_at=LATER, name="Two replies", submission=UNSUBMITTED)
    topic = part(due_at=PAST, points_possible=4.0, submission=graded)
    fields = _discussion(entries, topic)
    document = await read_back(**fields)
    first = {
        "name": "Reply to topic",
        "due_at": PAST,
        "points_possible": 4.0,
        "status": "graded",
        "score": 3.46,
    }
    second = {
        "name": "Two replies",
        "due_at": LATER,
        "points_possible": 5.0,
        "status": "upcoming",
        "score": None,
    }
    assert (document["status"], document["parts"]) == ("upcoming", [first, second])
    document = await read_back(now=datetime(2026, 9, 18, tzinfo=UTC))
    assert (document["status"], document["due_at"]) == ("overdue", LATER)
    assert document["parts"] == [first, second | {"status": "overdue"}]


SUBMITTED_PART = unsubmitted(submitted_at=PAST)


@pytest.mark.parametrize(
    ("status", "part_statuses", "whole", "own"),
    [
        ("overdue", ["overdue", "upcoming"], UNSUBMITTED, (None, None)),
        ("overdue", ["overdue", "upcoming"], None, (None, None)),
        ("overdue", ["graded", "upcoming"], submission(state="unsubmitted"), (submission(), None)),
        ("overdue", ["excused", "upcoming"], None, (unsubmitted(excused=True), UNSUBMITTED)),
        ("submitted", ["submitted", "submitted"], None, (SUBMITTED_PART, SUBMITTED_PART)),
        ("submitted", ["graded", "submitted"], None, (submission(), SUBMITTED_PART)),
        ("graded", ["graded", "graded"], submission(), (None, None)),
        ("graded", ["graded", "graded"], submission(), (UNSUBMITTED, submission())),
        ("submitted", ["submitted", "submitted"], hidden_grade(), (UNSUBMITTED, UNSUBMITTED)),
        ("excused", ["excused", "excused"], unsubmitted(excused=True), (None, None)),
        ("missing", ["missing", "upcoming"], None, (unsubmitted(missing=True), UNSUBMITTED)),
        ("submitted", ["submitted"] * 2, submission(state="pending_review"), (None, None)),
        (
            "submitted",
            ["submitted", "upcoming"],
            submission(state="pending_review"),
            (UNSUBMITTED, UNSUBMITTED),
        ),
    ],
)
async def test_an_assignment_is_done_when_its_parts_are(
    read_back: Any, status: str, part_statuses: list[str], whole: Any, own: tuple[Any, Any]
) -> None:
    parts = [
        part(due_at=PAST, submission=own[0]),
        part("reply_to_entry", due_at=FUTURE, submission=own[1]),
    ]
    document = await read_back(**_discussion(*parts, submission=whole))
    assert [each["status"] for each in document["parts"]] == part_statuses
    assert document["status"] == status
    assert await read_back(statuses={status})


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Reply to topic", "reply_to_topic"),
        ("Required replies", "reply_to_entry"),
        ("Peer review", "peer_review"),
    ],
)
async def test_a_part_without_a_name_has_one_for_its_tag(
    read_back: Any, name: str, tag: str
) -> None:
    document = await read_back(**_discussion(part(tag), part("z", name="Other", due_at=None)))
    assert [(each["name"], each["status"]) for each in document["parts"]] == [
        (name, "overdue"),
        ("Other", "undated"),
    ]
