"""Every event has a sentence, in plain words and with exact numbers."""

from typing import Any

import pytest

from domain import events
from domain.event import EVENT_TYPES
from interfaces.queries.event_sentences import SENTENCES, SentenceNames, sentence_of
from tests.canvas_builders import assignment, course

SYNC = "3f2a9c01-0000-4000-8000-000000000001"
RUN = {"sync_id": SYNC, "connection_id": "c0c1"}
NAMES = SentenceNames("Biology 101", "Essay 2", 10.0)
GRADE = {
    **RUN,
    "subject": "assignment",
    "course_id": "11",
    "assignment_id": "22",
    "course_name": None,
    "assignment_name": None,
    "baseline": False,
}
DUE = {**RUN, "course_id": "11", "assignment_id": "22"}
PROGRESS = {"total": 6, "done": 5, "failed": 1}
REQUESTS = {"total": 1, "not_modified": 0, "retried": 0}
READ_MODEL = {"projection": "courses", "version": 3, "position": 4711}
LETTER = {"projection": "courses", "letter_id": SYNC, "topic": "CourseFetched"}
FETCHED = {
    **RUN,
    "course": course("11", name="Biology 101"),
    "complete": True,
    "assignments": [assignment("22")],
    "removed": [],
    "changes": {"courses": 1, "assignments": 3, "grades": 1},
}
READ = {"reader": "cli:registrar", "what": "view as_of=2026", "purpose": "complaint 4711"}

EXAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "ConnectionOpened": (
        {
            "canvas_user_id": "42",
            "canvas_user_name": "Ada",
            "canvas_name": "My school",
            "canvas_url": "https://canvas.school.edu",
        },
        "The account of “Ada” at “My school” (https://canvas.school.edu) was connected.",
    ),
    "TokenRotated": (
        {"token_fingerprint": "0a1b2c3d"},
        "The access token was replaced by the one with fingerprint 0a1b2c3d.",
    ),
    "ConnectionValidated": (
        {"canvas_user_name": "Ada"},
        "Canvas accepted the access token of “Ada”.",
    ),
    "TokenRejected": (
        {"reason": "it was revoked"},
        "Canvas no longer accepts the access token: it was revoked.",
    ),
    "ConnectionClosed": ({}, "The connection was closed and its access token destroyed."),
    "SyncRequested": (
        {**RUN, "trigger": "setup", "mode": "full"},
        "Sync 3f2a9c01 was requested for the new connection (full).",
    ),
    "SyncStarted": (
        {**RUN, "worker": "host:1:2:3"},
        "Sync 3f2a9c01 was started by the worker host:1:2:3.",
    ),
    "SyncRequeued": (
        {**RUN, "reason": "lost"},
        "Sync 3f2a9c01 waits for another attempt: its worker died.",
    ),
    "SyncWidened": (
        {**RUN, "code": "canvas-forbidden", "detail": "No planner."},
        "Sync 3f2a9c01 reads everything, because Canvas does not show what changed: No planner.",
    ),
    "CourseFetched": (
        FETCHED,
        "Course “Biology 101” was read: 3 assignments and 1 grade new, changed or removed.",
    ),
    "CourseUnlisted": (
        {**RUN, "course_id": "11"},
        "The list of courses lacked “Biology 101” for the first time.",
    ),
    "CourseWithdrawn": (
        {**RUN, "course_id": "11"},
        "Canvas no longer has “Biology 101” for the student.",
    ),
    "DueDateChanged": (
        {**DUE, "previous": "2026-09-01T05:59:59Z", "current": "2026-09-08T05:59:59Z"},
        (
            "Due date of “Essay 2” in “Biology 101” moved from 2026-09-01 05:59:59 UTC to"
            " 2026-09-08 05:59:59 UTC."
        ),
    ),
    "GradeChanged": (
        {
            **GRADE,
            "previous": {"score": 8.0, "grade": "B+"},
            "current": {"score": 9.5, "grade": "A-"},
        },
        "Grade of “Essay 2” in “Biology 101” changed from 8 to 9.5 of 10 (B+ → A-).",
    ),
    "CourseFetchFailed": (
        {**RUN, "course_id": "11", "code": "canvas-timeout", "detail": "Too slow"},
        "“Biology 101” could not be read: Too slow. (canvas-timeout)",
    ),
    "SyncCompleted": (
        {**RUN, "progress": PROGRESS, "requests": REQUESTS},
        "Sync 3f2a9c01 completed: 6 courses, 1 of them failed, 1 request to Canvas.",
    ),
    "SyncFailed": (
        {**RUN, "code": "canvas-timeout", "detail": "Too slow."},
        "Sync 3f2a9c01 failed: Too slow. (canvas-timeout)",
    ),
    "SyncCancelled": (RUN, "Sync 3f2a9c01 was cancelled."),
    "CalendarShared": ({}, "An address of the calendar was made; an earlier one ended."),
    "CalendarEnded": ({}, "The address of the calendar ended."),
    "PersonErased": ({}, "The person was erased: their key was destroyed."),
    "HistoryRead": (
        READ,
        "cli:registrar read the history (view as_of=2026); purpose: complaint 4711.",
    ),
    "ConnectionsListed": (
        {**READ, "purpose": None},
        "cli:registrar read a list (view as_of=2026); no purpose was asked for.",
    ),
    "DeadLetterRetried": (
        LETTER,
        "An administrator retried the event CourseFetched (3f2a9c01) in the read model courses.",
    ),
    "DeadLetterSkipped": (
        LETTER,
        "An administrator left out the event CourseFetched (3f2a9c01) in the read model courses.",
    ),
    "ReadModelVerified": (
        {**READ_MODEL, "result": "ok"},
        "Version 3 of the read model courses was compared with the log at position 4711: ok.",
    ),
    "ReadModelSampleDiffered": (
        {**READ_MODEL, "people": 50, "different": 2},
        "The nightly check of the read model courses found a difference for 2 of 50 people.",
    ),
}


def test_every_event_has_a_sentence_and_an_example() -> None:
    assert set(SENTENCES) == set(EXAMPLES) == set(EVENT_TYPES) == set(events.__all__)


@pytest.mark.parametrize("topic", EXAMPLES)
def test_the_sentence_of_an_event(topic: str) -> None:
    payload, sentence = EXAMPLES[topic]
    assert sentence_of(topic, payload, NAMES) == sentence


@pytest.mark.parametrize("topic", EXAMPLES)
def test_an_erased_or_unreadable_event_has_a_sentence(topic: str) -> None:
    assert sentence_of(topic, {"redacted": True}) == (
        f"{topic}: what it recorded was erased together with the person's key."
    )
    reason = "it was changed, moved, or encrypted with another key"
    assert sentence_of(topic, {"unreadable": reason}) == f"{topic} cannot be read: {reason}."


@pytest.mark.parametrize(
    ("previous", "current", "ending"),
    [
        (None, {"score": 8.0, "grade": "8"}, "is 8 of 10."),
        ({"score": 8.0, "grade": "8"}, None, "is no longer shown; it was 8 of 10."),
        (
            {"score": 0.1, "grade": None},
            {"score": 8.25, "grade": None},
            "changed from 0.1 to 8.25 of 10.",
        ),
        (None, {"score": None, "grade": "complete"}, "is complete."),
        (
            {"score": 8.0, "grade": "B"},
            {"score": 8.0, "grade": "B+"},
            "changed from B to B+ at 8 of 10.",
        ),
        (
            {"score": None, "grade": "incomplete"},
            {"score": None, "grade": "complete"},
            "changed from incomplete to complete.",
        ),
    ],
)
def test_a_grade_change_names_what_was_and_what_is(
    previous: Any, current: Any, ending: str
) -> None:
    payload = {**GRADE, "previous": previous, "current": current}
    sentence = sentence_of("GradeChanged", payload, NAMES)
    assert sentence == f"Grade of “Essay 2” in “Biology 101” {ending}"


def test_without_a_name_the_canvas_id_is_shown() -> None:
    payload = {**DUE, "previous": None, "current": "not a time"}
    assert sentence_of("DueDateChanged", payload) == (
        "Due date of the assignment 22 in the course 11 was set to not a time."
    )


def test_a_name_cannot_hide_or_move_text() -> None:
    names = SentenceNames("Bio\u202e101", "Essay\n\x1b[31m2")
    sentence = sentence_of("DueDateChanged", {**DUE, "previous": None, "current": None}, names)
    assert sentence.isprintable()
    assert "\\u202e" in sentence


SCORES = (None, 82.0, 82.123456)
GRADES = (None, "82", "82.12", "B+", "A-")
STATES = [{"score": score, "grade": grade} for score in SCORES for grade in GRADES]


@pytest.mark.parametrize("previous", STATES, ids=str)
def test_a_changed_grade_is_named_as_it_is_recorded(previous: dict[str, Any]) -> None:
    """No text stands for a grade that is not that one; `none` only for what is null."""
    for current in STATES:
        if current == previous:
            continue
        payload = {**GRADE, "previous": previous, "current": current}
        sentence = sentence_of("GradeChanged", payload, SentenceNames("Biology", "Essay", 100.0))
        before, _, after = sentence.partition("changed from ")[2].rstrip(".").partition(" to ")
        known = {
            *("of", "100", "at", "→"),
            *(f"{each:.12g}" for each in (previous["score"], current["score"]) if each),
            *(each for each in (previous["grade"], current["grade"]) if each),
        }
        has_null = None in {*previous.values(), *current.values()}
        words = set(f"{before} {after}".replace("(", "").replace(")", "").split())
        assert words <= (known | {"none"} if has_null else known), sentence
        if "→" in after:
            texts = after.partition("(")[2].rstrip(")").split(" → ")
            assert texts == [previous["grade"], current["grade"]], sentence
        elif "(" in after:
            assert after.partition("(")[2] == f"{current['grade']})", sentence
        if "(" in before:
            assert before.partition("(")[2] == f"{previous['grade']})", sentence


@pytest.mark.parametrize(
    ("before", "after", "ending"),
    [
        ((82.0, "82"), (82.123456, "82.12"), "from 82 to 82.123456 of 100 (82 → 82.12)"),
        ((82.0, "82"), (82.4, "82"), "from 82 to 82.4 of 100 (82)"),
        ((82.0, None), (95.0, "A"), "from 82 to 95 of 100 (A)"),
        ((82.0, "B"), (95.0, None), "from 82 (B) to 95 of 100"),
        ((82.0, "82"), (82.0, "B"), "from 82 to B at 82 of 100"),
        ((82.0, None), (82.0, "B"), "from none to B at 82 of 100"),
        ((82.0, "82%"), (95.0, "95%"), "from 82 to 95 of 100"),
    ],
)
def test_a_grade_stands_beside_its_score(before: Any, after: Any, ending: str) -> None:
    scores = [dict(zip(("score", "grade"), each, strict=True)) for each in (before, after)]
    payload = {**GRADE, "previous": scores[0], "current": scores[1]}
    sentence = sentence_of("GradeChanged", payload, SentenceNames("Biology", "Essay", 100.0))
    assert sentence == f"Grade of “Essay” in “Biology” changed {ending}."
