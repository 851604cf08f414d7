"""How a course differs from when it was last seen."""

from typing import NamedTuple, TypedDict

from domain.canvas import Assignment, Course, Score, assignment_score, course_score, digest
from domain.change_feed import expected_mark, graded_mark, is_unposted
from domain.events.sync import Changes


class SeenAssignment(TypedDict):
    """What is remembered of an assignment: enough to tell whether a new sighting differs.

    `graded` and `planned` are what the two feeds showed of it, None where they show nothing.
    """

    digest: str
    present: bool
    due_at: str | None
    score: Score | None
    graded: int | None
    planned: int | None


class SeenCourse(TypedDict):
    """What is remembered of a course and its assignments; `unposted` have a grade not yet shown."""

    digest: str
    present: bool
    score: Score | None
    assignments: dict[str, SeenAssignment]
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


class Difference(NamedTuple):
    """All that differs between what is remembered and a new sighting."""

    course: bool
    assignments: list[Assignment]
    removed: list[str]
    due_dates: list[DueDateChange]
    scores: list[ScoreChange]

    @property
    def is_nothing(self) -> bool:
        """Whether a person would notice no difference at all."""
        return not (self.course or self.assignments or self.removed)

    @property
    def counts(self) -> Changes:
        """The differences by kind."""
        return Changes(
            courses=int(self.course),
            assignments=len(self.assignments) + len(self.removed),
            grades=len(self.scores),
        )


def unseen() -> SeenCourse:
    """What is remembered of a course never seen."""
    return SeenCourse(digest="", present=False, score=None, assignments={}, unposted=[])


def difference(
    seen: SeenCourse, course: Course, assignments: list[Assignment] | None
) -> Difference:
    """Compare a sighting with memory; `assignments` is None where Canvas does not show them."""
    known = seen["assignments"]
    shown = assignments or []
    differing = [item for item in shown if _differs(known.get(item["canvas_id"]), item)]
    ids = {item["canvas_id"] for item in shown}
    hidden = assignments is None
    removed = [id_ for id_, item in known.items() if item["present"] and id_ not in ids]
    return Difference(
        course=not seen["present"] or seen["digest"] != digest(course),
        assignments=differing,
        removed=[] if hidden else removed,
        due_dates=[change for item in differing if (change := _due_date_change(known, item))],
        scores=[] if hidden else _score_changes(seen, course, differing),
    )


def remember(
    seen: SeenCourse, course: Course, assignments: list[Assignment], removed: list[str]
) -> SeenCourse:
    """Memory after a sighting was recorded; a restricted course keeps the score it had."""
    known = seen["assignments"]
    for item in assignments:
        known[item["canvas_id"]] = SeenAssignment(
            digest=digest(item),
            present=True,
            due_at=item["due_at"],
            score=assignment_score(item),
            graded=graded_mark(item["submission"]),
            planned=expected_mark(item),
        )
    for gone in removed:
        known[gone]["present"] = False
    restricted = course["state"] == "restricted"
    return SeenCourse(
        digest=digest(course),
        present=True,
        score=seen["score"] if restricted else course_score(course),
        assignments=known,
        unposted=_unposted(seen["unposted"], assignments, removed),
    )


def _unposted(before: list[str], assignments: list[Assignment], removed: list[str]) -> list[str]:
    told = {*removed, *(item["canvas_id"] for item in assignments)}
    now = [item["canvas_id"] for item in assignments if is_unposted(item["submission"])]
    return [id_ for id_ in before if id_ not in told] + now


def _differs(seen: SeenAssignment | None, item: Assignment) -> bool:
    return seen is None or not seen["present"] or seen["digest"] != digest(item)


def _due_date_change(known: dict[str, SeenAssignment], item: Assignment) -> DueDateChange | None:
    seen = known.get(item["canvas_id"])
    if seen is None or seen["due_at"] == item["due_at"]:
        return None
    return DueDateChange(item["canvas_id"], seen["due_at"], item["due_at"])


def _score_changes(
    seen: SeenCourse, course: Course, differing: list[Assignment]
) -> list[ScoreChange]:
    changes = [ScoreChange(None, seen["score"], course_score(course))]
    for item in differing:
        before = seen["assignments"].get(item["canvas_id"])
        changes.append(
            ScoreChange(
                item["canvas_id"], before["score"] if before else None, assignment_score(item)
            )
        )
    return [change for change in changes if change.previous != change.current]
