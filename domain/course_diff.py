"""How a course differs from when it was last seen."""

from typing import NamedTuple, TypedDict

from domain.canvas import Assignment, Course, Score, assignment_score, course_score, digest
from domain.change_feed import expected_planner_state_hash, graded_state_hash, is_unposted
from domain.events.sync import Changes


class AssignmentSnapshot(TypedDict):
    """What is remembered of an assignment: enough to tell whether a new sighting differs.

    `graded` and `planned` are what the two feeds showed of it, None where they show nothing.
    """

    digest: str
    present: bool
    due_at: str | None
    score: Score | None
    graded: int | None
    planned: int | None


class CourseSnapshot(TypedDict):
    """What is remembered of a course and its assignments; `unposted` have a grade not yet shown."""

    digest: str
    present: bool
    score: Score | None
    assignments: dict[str, AssignmentSnapshot]
    unposted: list[str]


class ScoreChange(NamedTuple):
    """A score that differs; of the course's total when there is no assignment."""

    assignment_id: str | None
    previous: Score | None
    current: Score | None


class DueDateChange(NamedTuple):
    """A due date that differs."""

    assignment_id: str
    previous: str | None
    current: str | None


class CourseDiff(NamedTuple):
    """All that differs between what is remembered and a new sighting."""

    course_changed: bool
    assignments: list[Assignment]
    removed: list[str]
    due_dates: list[DueDateChange]
    scores: list[ScoreChange]

    @property
    def is_empty(self) -> bool:
        """Whether a person would notice no difference at all."""
        return not (self.course_changed or self.assignments or self.removed)

    @property
    def change_counts(self) -> Changes:
        """The differences by kind."""
        return Changes(
            courses=int(self.course_changed),
            assignments=len(self.assignments) + len(self.removed),
            grades=len(self.scores),
        )


def empty_snapshot() -> CourseSnapshot:
    """What is remembered of a course never seen."""
    return CourseSnapshot(digest="", present=False, score=None, assignments={}, unposted=[])


def diff(
    snapshot: CourseSnapshot, course: Course, assignments: list[Assignment] | None
) -> CourseDiff:
    """Compare a sighting with memory; `assignments` is None where Canvas does not show them."""
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
    """Memory after a sighting was recorded; a restricted course keeps the score it had."""
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
