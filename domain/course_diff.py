"""Compares a fetched course with its snapshot, the state of the last comparison."""

from typing import NamedTuple, TypedDict

from domain.canvas import (
    Assignment,
    AssignmentGroup,
    Course,
    Score,
    assignment_score,
    course_score,
)
from domain.change_feed import (
    expected_part_hashes,
    expected_planner_state_hash,
    graded_state_hash,
    is_unposted,
)
from domain.digests import Digests, digest, digests_of
from domain.event import Event
from domain.events.sync import (
    Changes,
    CourseFetched,
    CourseFetchFailed,
    CourseUnlisted,
    CourseWithdrawn,
)


class AssignmentSnapshot(TypedDict):
    """What the Sync aggregate keeps of an assignment, to find differences."""

    digest: str
    """The digest of the record as it was last recorded."""
    present: bool
    """Whether Canvas showed it when the course was last read."""
    due_at: str | None
    """RFC 3339 in UTC."""
    score: Score | None
    graded: int | None
    """The state hash in the feed `graded`; None if the feed does not list it."""
    planned: int | None
    """The state hash in the planner; None if the planner does not list it, but its parts."""
    parts: dict[str, int]
    """The state hashes of its parts in the planner, by tag."""


class CourseSnapshot(TypedDict):
    """What the Sync aggregate keeps of a course and its assignments."""

    digest: str
    """The digest of the record as it was last recorded; empty for a new course."""
    present: bool
    """Whether the course is not withdrawn."""
    missed: bool
    """Whether the last complete course list did not contain it."""
    complete: bool
    """Whether its assignments were read when it was last recorded."""
    problem: str | None
    """The code of the failure of its last read; None if the last read succeeded."""
    has_period: bool
    """Whether its totals were those of a grading period."""
    ended: bool
    """Whether Canvas listed it with the ended courses."""
    groups: str
    """The digest of the assignment groups as they were last recorded."""
    score: Score | None
    assignments: dict[str, AssignmentSnapshot]
    """By Canvas id."""
    unposted: list[str]
    """Canvas ids of the assignments with a grade that the student cannot see yet."""


class Work(NamedTuple):
    """What was read of the work of a course; None for what was not read."""

    assignments: list[Assignment] | None
    groups: list[AssignmentGroup] | None
    is_known: bool = False
    """Whether the rest is None because the response is that of the known work."""


class ScoreChange(NamedTuple):
    """A score that differs; without `assignment_id`, it is the total of the course."""

    assignment_id: str | None
    previous: Score | None
    current: Score | None


class DueDateChange(NamedTuple):
    """A due date that differs; times are RFC 3339 in UTC."""

    assignment_id: str
    previous: str | None
    current: str | None


class CourseDiff(NamedTuple):
    """All differences between a snapshot and a fetched course."""

    course_changed: bool
    """Whether the course itself differs, or returned after it was missed or withdrawn."""
    groups_changed: bool
    complete: bool
    """Whether its assignments were read, or are the known ones."""
    recovered: bool
    """Whether its assignments could be read again, after a failure or for the first time."""
    assignments: list[Assignment]
    """The assignments that are new or differ."""
    removed: list[str]
    """Canvas ids of the assignments that Canvas no longer shows."""
    due_dates: list[DueDateChange]
    scores: list[ScoreChange]
    digests: Digests
    """The digests of the fetched course, with which it was compared."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no difference."""
        return not (
            self.course_changed
            or self.groups_changed
            or self.recovered
            or self.assignments
            or self.removed
        )

    @property
    def change_counts(self) -> Changes:
        """The number of differences of each kind."""
        return Changes(
            courses=int(self.course_changed),
            assignments=len(self.assignments) + len(self.removed),
            grades=len(self.scores),
        )


def empty_snapshot() -> CourseSnapshot:
    """Return the snapshot of a course that was never fetched."""
    return CourseSnapshot(
        digest="",
        present=False,
        missed=False,
        complete=False,
        problem=None,
        has_period=False,
        ended=False,
        groups="",
        score=None,
        assignments={},
        unposted=[],
    )


def diff(snapshot: CourseSnapshot, course: Course, work: Work) -> CourseDiff:
    """Compare a fetched course with its snapshot; only the course, if its work was not read."""
    known = snapshot["assignments"]
    shown = work.assignments or []
    digests = digests_of(course, work.groups, shown)
    new = digests.assignments
    changed = [item for item in shown if _assignment_differs(known, item["canvas_id"], new)]
    unread = work.assignments is None
    removed = [id_ for id_, item in known.items() if item["present"] and id_ not in new]
    return CourseDiff(
        course_changed=_course_differs(snapshot, digests.course),
        groups_changed=work.groups is not None and snapshot["groups"] != digests.groups,
        complete=not unread or (snapshot["complete"] and work.is_known),
        recovered=not unread and not snapshot["complete"],
        assignments=changed,
        removed=[] if unread else removed,
        due_dates=[change for item in changed if (change := _due_date_change(known, item))],
        scores=_score_changes(snapshot, course, changed),
        digests=digests,
    )


def course_differs(snapshot: CourseSnapshot | None, course: Course) -> bool:
    """Return whether a listed course is new, was missed or withdrawn, or differs."""
    return snapshot is None or _course_differs(snapshot, digest(course))


def has_returned(snapshot: CourseSnapshot | None, course: Course) -> bool:
    """Return whether a course that had ended is listed as active.

    It may have ended all the same: only the list of ended courses shows that a course has ended by
    a date of its section.
    """
    return snapshot is not None and snapshot["ended"] and course["state"] == "active"


def still_ended(snapshot: CourseSnapshot | None, course: Course) -> Course:
    """Return a listed course as ended if it had ended and is not listed as active again."""
    had_ended = snapshot is not None and snapshot["ended"] and course["state"] != "active"
    return {**course, "ended": True} if had_ended else course


def is_readable(course: Course) -> bool:
    """Return whether the assignments of a listed course are the work of this student.

    Those of other roles are not, and a restricted course shows none.
    """
    return course["role"] == "student" and course["state"] in {"active", "concluded"}


def apply_to_courses(
    courses: dict[str, CourseSnapshot], event: Event, digests: Digests | None = None
) -> None:
    """Apply an event to the snapshots of courses, in place; other events change nothing.

    `digests` are those of the event, if they are known; there may be more of them.
    """
    match event:
        case CourseFetched():
            id_ = event.course["canvas_id"]
            courses[id_] = apply_to_snapshot(courses.get(id_) or empty_snapshot(), event, digests)
        case CourseUnlisted():
            courses[event.course_id]["missed"] = True
        case CourseWithdrawn():
            courses[event.course_id]["present"] = False
        case CourseFetchFailed() if event.course_id in courses:
            courses[event.course_id] |= {"complete": False, "problem": event.code}


def apply_to_snapshot(
    snapshot: CourseSnapshot, event: CourseFetched, digests: Digests | None = None
) -> CourseSnapshot:
    """Return the snapshot after an event of its course; the old one is changed too.

    A restricted course keeps its score, because Canvas does not show it.
    """
    known, course, groups = snapshot["assignments"], event.course, event.groups
    digests = digests or digests_of(course, groups, event.assignments)
    for item in event.assignments:
        known[item["canvas_id"]] = AssignmentSnapshot(
            digest=digests.assignments[item["canvas_id"]],
            present=True,
            due_at=item["due_at"],
            score=assignment_score(item),
            graded=graded_state_hash(item["submission"]),
            planned=expected_planner_state_hash(item),
            parts=expected_part_hashes(item),
        )
    for canvas_id in event.removed:
        known[canvas_id]["present"] = False
    restricted = course["state"] == "restricted"
    return CourseSnapshot(
        digest=digests.course,
        present=True,
        missed=False,
        complete=event.complete,
        problem=None if event.complete or not is_readable(course) else snapshot["problem"],
        has_period=snapshot["has_period"] if restricted else course["grading_period"] is not None,
        ended=course["ended"],
        groups=snapshot["groups"] if groups is None else digests.groups or "",
        score=snapshot["score"] if restricted else course_score(course),
        assignments=known,
        unposted=_unposted(snapshot["unposted"], event.assignments, event.removed),
    )


def _unposted(before: list[str], assignments: list[Assignment], removed: list[str]) -> list[str]:
    updated = {*removed, *(item["canvas_id"] for item in assignments)}
    added = [item["canvas_id"] for item in assignments if is_unposted(item["submission"])]
    return [id_ for id_ in before if id_ not in updated] + added


def _course_differs(snapshot: CourseSnapshot, new_digest: str) -> bool:
    return not snapshot["present"] or snapshot["missed"] or snapshot["digest"] != new_digest


def _assignment_differs(
    known: dict[str, AssignmentSnapshot], canvas_id: str, new_digests: dict[str, str]
) -> bool:
    before = known.get(canvas_id)
    return before is None or not before["present"] or before["digest"] != new_digests[canvas_id]


def _due_date_change(
    known: dict[str, AssignmentSnapshot], item: Assignment
) -> DueDateChange | None:
    before = known.get(item["canvas_id"])
    if before is None or before["due_at"] == item["due_at"]:
        return None
    return DueDateChange(item["canvas_id"], before["due_at"], item["due_at"])


def _score_changes(
    snapshot: CourseSnapshot, course: Course, changed: list[Assignment]
) -> list[ScoreChange]:
    total = snapshot["score"] if course["state"] == "restricted" else course_score(course)
    changes = [ScoreChange(None, snapshot["score"], total)]
    for item in changed:
        before = snapshot["assignments"].get(item["canvas_id"])
        changes.append(
            ScoreChange(
                item["canvas_id"], before["score"] if before else None, assignment_score(item)
            )
        )
    return [change for change in changes if change.previous != change.current]
