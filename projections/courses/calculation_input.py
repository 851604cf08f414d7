"""Stores what the totals of a course are calculated from, and compares them with Canvas's totals.

A row of `courses` keeps all assignments in a short form (`items`) and the rest in its `basis`,
because an event has only the assignments that differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple, TypedDict

from domain.canvas import Assignment, AssignmentGroup, Course
from domain.course_totals import GradedItem, GroupRules, calculate_totals, grade_for
from projections.support.assignment_status import is_gradable

StoredItem = list[Any]
"""An assignment: group id, points possible, score, grading period id, and flags."""

PUBLISHED, COUNTS, POSTED, EXCUSED, PENDING_REVIEW = 1, 2, 4, 8, 16
"""The flags of a StoredItem, to be added up."""
STATES = [
    tuple(flags & flag != 0 for flag in (EXCUSED, PENDING_REVIEW, COUNTS, POSTED))
    for flags in range(2 * PENDING_REVIEW)
]
"""The last fields of a GradedItem for each sum of flags: it is faster than to test each flag."""
STATES_WITH_EXCUSES = [
    STATES[flags | POSTED if flags & EXCUSED else flags] for flags in range(len(STATES))
]
"""The same, where an excuse counts although the submission is not posted."""
SCORE, FLAGS = 2, 4
"""Places in a StoredItem."""


class Basis(TypedDict):
    """What the totals depend on besides the assignments and the document of the course."""

    complete: bool
    """Whether the assignments were read when the course was last recorded."""
    completed: bool
    """Whether Canvas lists the course with the ended ones."""
    needs_period_weights: bool
    """Whether the totals weigh grading periods; Canvas does not show the weights."""
    groups: list[list[Any]] | None
    """The fields of each GroupRules; None if they were never recorded."""
    scheme: list[list[Any]] | None
    """Grade and lower bound of each grade; None without a grading scheme."""


class ShownTotals(NamedTuple):
    """Totals with their grades, as the document of a course has them."""

    current_score: float | None
    current_grade: str | None
    final_score: float | None
    final_grade: str | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "ShownTotals":
        """Return the totals that the document of a course has."""
        return cls(*(document[field] for field in cls._fields))


class Way(NamedTuple):
    """A way to calculate, where Canvas does not show which one applies."""

    completed: bool = False
    """Whether the enrollment had ended when Canvas calculated: what is not posted is left out."""
    excused_unposted: bool = False
    """Whether an excuse counts although the submission is not posted; it does when it is given."""


class Comparison(NamedTuple):
    """The calculated totals of a course beside those of Canvas."""

    exact: bool | None
    """Whether they are the same; None if that is not known."""
    way: Way
    """How they were calculated."""
    ours: ShownTotals | None
    """The calculated totals; None if they were not calculated."""


def to_item(assignment: Assignment) -> StoredItem:
    """Return what the calculation needs of an assignment.

    Canvas ignores the score and the excuse of a submission that is not posted.
    """
    submission = assignment["submission"]
    flags = PUBLISHED if assignment["published"] else 0
    if flags and _counts(assignment):
        flags += COUNTS
    if submission:
        flags += POSTED if submission["posted_at"] else 0
        flags += EXCUSED if submission["excused"] else 0
        flags += PENDING_REVIEW if submission["state"] == "pending_review" else 0
    return [
        assignment["group"]["id"],
        assignment["points_possible"],
        submission["score"] if submission else None,
        assignment["grading_period_id"],
        flags,
    ]


def to_basis(
    course: Course, groups: list[AssignmentGroup] | None, before: Basis | None, *, complete: bool
) -> Basis:
    """Return the basis after a course was recorded; without `groups` the known ones stay."""
    known_groups = before["groups"] if before else None
    over_all_periods = course["has_grading_periods"] and course["grading_period"] is None
    return Basis(
        complete=complete,
        completed=course["ended"],
        needs_period_weights=over_all_periods and course["weighted_periods"],
        groups=known_groups if groups is None else [_to_rules(group) for group in groups],
        scheme=_to_scheme(course),
    )


def count_published(items: Iterable[StoredItem]) -> int:
    """Return how many assignments are published."""
    return sum(item[FLAGS] & PUBLISHED for item in items)


def is_known(document: Mapping[str, Any], basis: Basis) -> bool:
    """Return whether everything is known that decides the totals, and Canvas shows totals."""
    return (
        document["role"] == "student"
        and document["state"] != "restricted"
        and basis["complete"]
        and basis["groups"] is not None
        and not basis["needs_period_weights"]
        and not (document["current_score"] is None and document["final_score"] is None)
    )


def calculate(
    document: Mapping[str, Any], basis: Basis, items: Mapping[str, StoredItem], way: Way
) -> ShownTotals | None:
    """Calculate the totals of a course, or of its current grading period if it has one.

    Grades are None without a grading scheme. Without groups there are no totals. The result is None
    if a number is too large to calculate with: Canvas permits far smaller ones.
    """
    period = document["grading_period"]
    scheme = tuple((name, lower_bound) for name, lower_bound in basis["scheme"] or ())
    try:
        totals = calculate_totals(
            [GroupRules(*rules) for rules in basis["groups"] or ()],
            _graded_items(items, period["id"] if period else None, way),
            weighted=document["weighted"],
            completed=way.completed,
        )
        current_score, final_score = map(_finite, totals[:2])
        grades = [_grade_for(score, scheme) for score in (current_score, final_score)]
    except ValueError:
        return None
    return ShownTotals(current_score, grades[0], final_score, grades[1])


def compare(
    document: Mapping[str, Any], basis: Basis, items: Mapping[str, StoredItem]
) -> Comparison:
    """Compare the calculated totals with those of Canvas.

    Grades count if the grading scheme is known and Canvas shows grades. If one of the possible ways
    to calculate gives the totals of Canvas, that is the right one.
    """
    ways = _possible_ways(basis, items)
    if not is_known(document, basis):
        return Comparison(None, ways[0], None)
    shown = ShownTotals.of(document)
    first: ShownTotals | None = None
    for way in ways:
        ours = calculate(document, basis, items, way)
        if ours and _is_same(shown, ours, basis):
            return Comparison(True, way, ours)
        first = ours if way is ways[0] else first
    return Comparison(False if first else None, ways[0], first)


def _possible_ways(basis: Basis, items: Mapping[str, StoredItem]) -> list[Way]:
    """Return the ways to calculate, the most likely one first."""
    has_excused_unposted = any(
        item[FLAGS] & (EXCUSED | POSTED) == EXCUSED for item in items.values()
    )
    return [
        Way(completed, excused_unposted)
        for excused_unposted in ((False, True) if has_excused_unposted else (False,))
        for completed in ((True, False) if basis["completed"] else (False,))
    ]


def _is_same(shown: ShownTotals, ours: ShownTotals, basis: Basis) -> bool:
    same_scores = (shown.current_score, shown.final_score) == (ours.current_score, ours.final_score)
    return same_scores and (not basis["scheme"] or _same_grades(shown, ours))


def _counts(assignment: Assignment) -> bool:
    """Return whether a published assignment counts in the totals."""
    return (
        is_gradable(assignment)
        and assignment["submission_types"] != ["wiki_page"]
        and not assignment["omit_from_final_grade"]
    )


def _same_grades(shown: ShownTotals, ours: ShownTotals) -> bool:
    return shown.current_grade in {None, ours.current_grade} and shown.final_grade in {
        None,
        ours.final_grade,
    }


def _graded_items(
    items: Mapping[str, StoredItem], period_id: str | None, way: Way
) -> list[GradedItem]:
    states = STATES_WITH_EXCUSES if way.excused_unposted else STATES
    return [
        GradedItem(canvas_id, group_id, points, score, *states[flags])
        for canvas_id, (group_id, points, score, item_period_id, flags) in items.items()
        if flags & COUNTS and (period_id is None or item_period_id == period_id)
    ]


def _finite(score: float | None) -> float | None:
    if score is not None and not isfinite(score):
        raise ValueError("The total is too large.")
    return score


@lru_cache(maxsize=1_000)
def _grade_for(score: float | None, scheme: Sequence[tuple[str, float]]) -> str | None:
    return grade_for(score, scheme)


def _to_rules(group: AssignmentGroup) -> list[Any]:
    return [
        group["id"],
        group["weight"],
        group["drop_lowest"],
        group["drop_highest"],
        group["never_drop"],
    ]


def _to_scheme(course: Course) -> list[list[Any]] | None:
    scheme = course["grading_scheme"]
    if scheme is None:
        return None
    return [[grade["name"], grade["lower_bound"]] for grade in scheme]
