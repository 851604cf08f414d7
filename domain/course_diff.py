"""Compares a fetched course with its snapshot, the state of the last comparison."""

from typing import NamedTuple, TypedDict

from domain.canvas import Assignment, Course, Score, assignment_score, course_score, digest
from domain.change_feed import expected_planner_state_hash, graded_state_hash, is_unposted
from domain.events.sync import Changes


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
    """The state hash in the planner; None if it has no due date."""


class CourseSnapshot(TypedDict):
    """What the Sync aggregate keeps of a course and its assignments."""

    digest: str
    """The digest of the record as it was last recorded; empty for a new course."""
    present: bool
    """Whether Canvas listed the course in the last run."""
    score: Score | None
    assignments: dict[str, AssignmentSnapshot]
    """By Canvas id."""
    unposted: list[str]
    """Canvas ids of the assignments with a grade that the student cannot see yet."""


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
    assignments: list[Assignment]
    """The assignments that are new or differ."""
    removed: list[str]
    """Canvas ids of the assignments that Canvas no longer shows."""
    due_dates: list[DueDateChange]
    scores: list[ScoreChange]

    @property
    def is_empty(self) -> bool:
        """Whether there is no difference."""
        return not (self.course_changed or self.assignments or self.removed)

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
    return CourseSnapshot(digest="", present=False, score=None, assignments={}, unposted=[])


def diff(
    snapshot: CourseSnapshot, course: Course, assignments: list[Assignment] | None
) -> CourseDiff:
    """Compare a fetched course with its snapshot.

    `assignments` is None if Canvas does not show them; then only the course is compared.
    """
    known = snapshot["assignments"]
    shown = assignments or []
    changed = [item for item in shown if _assignment_differs(known.get(item["canvas_id"]), item)]
    ids = {item["canvas_id"] for item in shown}
    hidden = assignments is None
    removed = [id_ for id_, item in known.items() if item["present"] and id_ not in ids]
    return CourseDiff(
        course_changed=not snapshot["present"] or snapshot["digest"] != digest(course),
        assignments=changed,
        removed=[] if hidden else removed,
        due_dates=[change for item in changed if (change := _due_date_change(known, item))],
        scores=[] if hidden else _score_changes(snapshot, course, changed),
    )


def apply_to_snapshot(
    snapshot: CourseSnapshot, course: Course, assignments: list[Assignment], removed: list[str]
) -> CourseSnapshot:
    """Return the snapshot after a CourseFetched with these fields; the old one is changed too.

    A restricted course keeps its score, because Canvas does not show it.
    """
    known = snapshot["assignments"]
    for item in assignments:
        known[item["canvas_id"]] = AssignmentSnapshot(
            digest=digest(item),
            present=True,
            due_at=item["due_at"],
            score=assignment_score(item),
            graded=graded_state_hash(item["submission"]),
            planned=expected_planner_state_hash(item),
        )
    for canvas_id in removed:
        known[canvas_id]["present"] = False
    restricted = course["state"] == "restricted"
    return CourseSnapshot(
        digest=digest(course),
        present=True,
        score=snapshot["score"] if restricted else course_score(course),
        assignments=known,
        unposted=_unposted(snapshot["unposted"], assignments, removed),
    )


def _unposted(before: list[str], assignments: list[Assignment], removed: list[str]) -> list[str]:
    updated = {*removed, *(item["canvas_id"] for item in assignments)}
    added = [item["canvas_id"] for item in assignments if is_unposted(item["submission"])]
    return [id_ for id_ in before if id_ not in updated] + added


def _assignment_differs(known: AssignmentSnapshot | None, item: Assignment) -> bool:
    return known is None or not known["present"] or known["digest"] != digest(item)


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
    changes = [ScoreChange(None, snapshot["score"], course_score(course))]
    for item in changed:
        before = snapshot["assignments"].get(item["canvas_id"])
        changes.append(
            ScoreChange(
                item["canvas_id"], before["score"] if before else None, assignment_score(item)
            )
        )
    return [change for change in changes if change.previous != change.current]
