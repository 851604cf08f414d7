"""Random courses, groups and assignments, in the situations that read models distinguish."""

from random import Random
from typing import Any

from domain.canvas import Assignment, AssignmentGroup, Course, Part, Submission
from tests.canvas_builders import (
    assignment,
    course,
    group,
    hidden_grade,
    part,
    restricted_course,
    submission,
    unsubmitted,
)

DUE_DATES = [None, "2026-09-11T05:59:59Z", "2026-09-20T05:59:59Z"]
LOCKS: list[dict[str, Any]] = [
    {},
    {"locked_for_user": None, "lock_at": "2026-09-12T05:59:59Z"},
    {"locked_for_user": True, "locked_by": "module", "lock_explanation": "<Module 1> is locked"},
    {"locked_for_user": True, "locked_by": "date", "unlock_at": "2026-10-01T05:59:59Z"},
]
GROUPS = ("11", "12")


def random_course(rng: Random, id_: str) -> Course:
    """A course that Canvas shows: mostly active, mostly of a student."""
    score = rng.choice([None, 88, 91.5, 76.456])
    ended = rng.random() < 0.2
    period = rng.choice([None, None, {"id": "5", "title": "Q2"}])
    return course(
        id_,
        name=f"Course {id_} É",
        role=rng.choice(["student", "student", "student", "ta"]),
        state="concluded" if ended else "active",
        ended=ended,
        current_score=score,
        grading_period=period,
        has_grading_periods=period is not None,
        grading_scheme=rng.choice([None, [{"name": "A-", "lower_bound": 0.0}]]),
        grades_hidden=rng.random() < 0.1,
        weighted=rng.random() < 0.5,
        image_url=rng.choice([None, "https://images.example/1?token=x"]),
    )


def random_restricted_course(rng: Random, id_: str) -> Course:
    """A course of which Canvas shows the id only; some of them have ended."""
    return restricted_course(id_, ended=rng.random() < 0.5)


def random_groups(rng: Random) -> list[AssignmentGroup]:
    """Two groups, some with a drop rule."""
    return [group(id_, weight=50.0, drop_lowest=rng.choice([0, 0, 1])) for id_ in GROUPS]


def random_assignments(rng: Random, course_id: str) -> list[Assignment]:
    """Up to five assignments of a course."""
    numbers = [number for number in range(5) if rng.random() < 0.75]
    return [_random_assignment(rng, f"{course_id}{number}") for number in numbers]


def _random_assignment(rng: Random, id_: str) -> Assignment:
    group_id = rng.choice(GROUPS)
    return assignment(
        id_,
        name=f"Work {id_} 100% \0",
        group={"id": group_id, "name": "Homework", "weight": 50.0},
        due_at=rng.choice(DUE_DATES),
        published=rng.random() < 0.9,
        grading_period_id=rng.choice([None, "5"]),
        submission_types=rng.choice([["online_upload"], ["on_paper"]]),
        submission=_random_submission(rng),
        parts=[_random_part(rng, tag) for tag in ("reply_to_topic", "reply_to_entry")]
        if rng.random() < 0.2
        else [],
        **rng.choice(LOCKS),
    )


def _random_part(rng: Random, tag: str) -> Part:
    return part(tag, due_at=rng.choice(DUE_DATES), submission=_random_submission(rng))


def _random_submission(rng: Random) -> Submission | None:
    return rng.choice(
        [
            None,
            submission(),
            submission(score=8.12345),
            submission(state="pending_review"),
            hidden_grade(),
            submission(late=True),
            unsubmitted(missing=True),
        ]
    )
