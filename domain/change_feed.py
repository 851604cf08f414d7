"""Entries of the change feeds: what a list over all courses shows of an assignment.

The Sync aggregate keeps a state hash of each assignment for each feed, so the hash is small: 32
bits. One change in 4 billion has an equal hash by chance; the next full run finds it.
"""

import marshal
from datetime import date
from typing import Any, Literal, NamedTuple
from zlib import crc32

from domain.canvas import Assignment, Submission
from domain.digests import MARSHAL_VERSION

FeedName = Literal["graded", "planned"]
"""`graded`: the list of graded submissions. `planned`: the planner."""

PLANNER_MONTHS_BACK, PLANNER_MONTHS_AHEAD = 4, 6
"""Months of the planner that are read, before and after the current month."""


class FeedEntry(NamedTuple):
    """An assignment as a change feed shows it; ids are those of Canvas, as text."""

    feed: FeedName
    course_id: str
    assignment_id: str
    state_hash: int
    graded_or_due_at: str | None
    """When it was graded (`graded`) or is due (`planned`), RFC 3339 in UTC."""
    part: str | None = None
    """The tag of the part of the assignment that the planner lists; None for the assignment."""
    begun_hash: int | None = None
    """The state hash of a part if the work on its assignment had begun: see `part_state_hash`."""


class PlannerWindow(NamedTuple):
    """The days for which the planner is requested.

    They are whole months, because the days are part of the validator that Canvas computes.
    """

    start: date
    end: date

    @classmethod
    def around(cls, today: date) -> "PlannerWindow":
        """Return the window of the months around a day."""
        return cls(
            _first_of_month(today, -PLANNER_MONTHS_BACK),
            _first_of_month(today, PLANNER_MONTHS_AHEAD + 1),
        )

    def starting_at(self, due_at: str | None) -> "PlannerWindow":
        """Return the window from the day of `due_at`, if earlier days were not read."""
        return self._replace(start=date.fromisoformat(due_at[:10])) if due_at else self

    def contains(self, due_at: str | None) -> bool:
        """Return whether the planner shows what is due then, whatever time zone Canvas uses."""
        return due_at is not None and self.start < date.fromisoformat(due_at[:10]) < self.end


class PlannerStatus(NamedTuple):
    """What the planner shows of a submission; the defaults are those without a submission."""

    submitted: bool = False
    graded: bool = False
    """Whether it has a grade, posted or not; always false if it is excused."""
    excused: bool = False
    late: bool = False
    missing: bool = False
    posted_at: str | None = None


def graded_state_hash(submission: Submission | None) -> int | None:
    """Return the hash of what the feed `graded` shows of a submission; None if it is not graded."""
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
    """Return the hash of what the planner shows of an assignment."""
    return _state_hash(name, due_at, points, *status)


def part_state_hash(
    due_at: str, points: float | None, status: PlannerStatus, *, has_begun: bool
) -> int:
    """Return the hash of what the planner shows of a part of an assignment.

    It leaves out what the list of assignments does not show of a part: its title, when it was
    posted, and, if another part may be the one that was submitted (`has_begun`), whether this one
    is. What has a grade or is excused needs no submission.
    """
    is_settled = status.graded or status.excused
    submitted = None if has_begun else status.submitted and not is_settled
    return _state_hash(
        due_at, points, submitted, status.graded, status.excused, status.late, status.missing
    )


def expected_planner_state_hash(assignment: Assignment) -> int | None:
    """Return the hash that the planner should show; None without a due date, or with parts."""
    due_at = assignment["due_at"]
    if due_at is None or assignment["parts"]:
        return None
    status = _planner_status(assignment["submission"])
    return planner_state_hash(assignment["name"], due_at, assignment["points_possible"], status)


def expected_part_hashes(assignment: Assignment) -> dict[str, int]:
    """Return the hashes that the planner should show of the parts that are due, by their tags."""
    if not assignment["parts"]:
        return {}
    has_begun = _has_begun(assignment["submission"])
    return {
        part["tag"]: part_state_hash(
            part["due_at"],
            part["points_possible"],
            _planner_status(part["submission"]),
            has_begun=has_begun,
        )
        for part in assignment["parts"]
        if part["due_at"]
    }


def is_unposted(submission: Submission | None) -> bool:
    """Return whether the submission is graded and the student cannot see the grade yet."""
    return (
        submission is not None
        and submission["graded_at"] is not None
        and submission["posted_at"] is None
        and submission["score"] is None
        and submission["grade"] is None
    )


def _has_begun(submission: Submission | None) -> bool:
    return submission is not None and (
        submission["submitted_at"] is not None or submission["state"] != "unsubmitted"
    )


def _planner_status(submission: Submission | None) -> PlannerStatus:
    if submission is None:
        return PlannerStatus()
    return PlannerStatus(
        submitted=submission["submitted_at"] is not None,
        graded=submission["state"] == "graded" and not submission["excused"],
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
