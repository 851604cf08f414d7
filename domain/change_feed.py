"""What one list over all courses tells of an assignment, without its course being read.

A mark is 32 bits of what a feed shows: little enough to be remembered of every assignment.
Should two be equal by chance, one change in four thousand million waits for the next full run.
"""

import marshal
from datetime import date
from typing import Any, Literal, NamedTuple
from zlib import crc32

from domain.canvas import MARSHAL_VERSION, Assignment, Submission

FeedName = Literal["graded", "planned"]
"""Canvas's list of graded submissions, and its planner."""

PLANNER_MONTHS_BACK, PLANNER_MONTHS_AHEAD = 4, 6
"""Months of the planner before and after the present one."""


class FeedEntry(NamedTuple):
    """An assignment in a feed; `at` is when it was graded, or when it is due."""

    feed: FeedName
    course_id: str
    assignment_id: str
    state_hash: int
    graded_or_due_at: str | None


class PlannerWindow(NamedTuple):
    """The days a planner is asked for; whole months, for they are part of Canvas's validator."""

    start: date
    end: date

    @classmethod
    def around(cls, today: date) -> "PlannerWindow":
        """The months around a day."""
        return cls(
            _first_of_month(today, -PLANNER_MONTHS_BACK),
            _first_of_month(today, PLANNER_MONTHS_AHEAD + 1),
        )

    def starting_at(self, due_at: str | None) -> "PlannerWindow":
        """What is left of it where nothing earlier was read."""
        return self._replace(start=date.fromisoformat(due_at[:10])) if due_at else self

    def contains(self, due_at: str | None) -> bool:
        """Whether what is due then is surely in it, in whatever zone Canvas reads the days."""
        return due_at is not None and self.start < date.fromisoformat(due_at[:10]) < self.end


class PlannerStatus(NamedTuple):
    """What the planner shows of a submission; one it says nothing of is like this."""

    submitted: bool = False
    excused: bool = False
    late: bool = False
    missing: bool = False
    posted_at: str | None = None


def graded_state_hash(submission: Submission | None) -> int | None:
    """What the graded submissions show of one; None where they do not list it."""
    if submission is None or submission["graded_at"] is None:
        return None
    get = submission.get
    return _state_hash(
        get("state"),
        get("score"),
        get("grade"),
        get("submitted_at"),
        get("graded_at"),
        get("posted_at"),
        get("excused"),
        get("late"),
        get("missing"),
        get("points_deducted"),
        get("attempt"),
    )


def planner_state_hash(
    name: str | None, due_at: str, points: float | None, status: PlannerStatus
) -> int:
    """What the planner shows of an assignment."""
    return _state_hash(name, due_at, points, *status)


def expected_planner_state_hash(assignment: Assignment) -> int | None:
    """What the planner should show of an assignment; None of an undated one, which it has not."""
    due_at, submission = assignment["due_at"], assignment["submission"]
    if due_at is None:
        return None
    status = _planner_status(submission) if submission else PlannerStatus()
    return planner_state_hash(assignment["name"], due_at, assignment["points_possible"], status)


def is_unposted(submission: Submission | None) -> bool:
    """Whether there is a grade that the student may not see yet."""
    return (
        submission is not None
        and submission["graded_at"] is not None
        and submission["posted_at"] is None
        and submission["score"] is None
        and submission["grade"] is None
    )


def _planner_status(submission: Submission) -> PlannerStatus:
    return PlannerStatus(
        submitted=submission["submitted_at"] is not None,
        excused=submission["excused"],
        late=submission["late"],
        missing=submission["missing"],
        posted_at=submission["posted_at"],
    )


def _state_hash(*fields: Any) -> int:
    return crc32(marshal.dumps(fields, MARSHAL_VERSION))


def _first_of_month(today: date, months: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, 1)
