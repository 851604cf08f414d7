"""The totals that a course would have with other scores, calculated as Canvas does."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from psycopg import sql

from domain.canvas import assignment_id
from projections.courses.calculation_input import (
    EXCUSED,
    FLAGS,
    PENDING_REVIEW,
    POSTED,
    PUBLISHED,
    SCORE,
    Basis,
    Comparison,
    ShownTotals,
    StoredItem,
    calculate,
    compare,
)
from projections.support.query import Query, Rows

CALCULATION_INPUT_SQL = sql.SQL(
    """
    SELECT connection_id, document, basis, items
      FROM read.courses
     WHERE person_id = %(person)s
       AND course_id = %(course)s
    """
)

DIFFERENT_TOTALS = (
    "The totals that easeboard calculates now, {ours}, are not those that Canvas shows, {shown}."
)
TOO_LARGE = "The course or the request has a number that is too large to calculate with."
NO_TOTALS = ShownTotals(None, None, None, None)


class UnknownAssignment(ValueError):
    """A score is for an assignment that the course does not have."""

    def __init__(self, assignment_ids: list[UUID]) -> None:
        super().__init__(f"The course has no assignment {', '.join(map(str, assignment_ids))}.")
        self.assignment_ids = assignment_ids


def what_if_of(
    person_id: UUID, course_id: UUID, *, scores: Mapping[UUID, float | None]
) -> Query[dict[str, Any] | None]:
    """Query the totals of a person's course as they would be with `scores`; None without it.

    `scores` has points by our ids of assignments; None means that the assignment is not graded. The
    others keep their scores. The result has `course_id`, the totals in per cent with their grades,
    and `exact`: whether the calculation without `scores` gives the totals that Canvas shows. If
    not, `reason` states why. Nothing is written.

    Building the result raises UnknownAssignment if the course does not have an assignment of
    `scores`.
    """

    def build(rows: Rows) -> dict[str, Any] | None:
        return _calculate(course_id, *rows[0], scores=scores) if rows else None

    parameters = {"person": person_id, "course": course_id}
    return Query("courses", CALCULATION_INPUT_SQL, parameters, build)


def _calculate(
    course_id: UUID,
    connection_id: UUID,
    *stored: bytes,
    scores: Mapping[UUID, float | None],
) -> dict[str, Any]:
    """Return the totals; `stored` has the values of CALCULATION_INPUT_SQL as JSON."""
    document, basis, items = map(orjson.loads, stored)
    present = compare(document, basis, items)
    replaced = _replace_scores(connection_id, items, scores)
    totals = calculate(document, basis, replaced, present.way)
    reason = TOO_LARGE if totals is None else _reason(document, basis, present)
    return {
        "course_id": str(course_id),
        "exact": reason is None,
        "reason": reason,
        **(totals or NO_TOTALS)._asdict(),
    }


def _replace_scores(
    connection_id: UUID, items: Mapping[str, StoredItem], scores: Mapping[UUID, float | None]
) -> dict[str, StoredItem]:
    published = [canvas_id for canvas_id, item in items.items() if item[FLAGS] & PUBLISHED]
    canvas_ids = {assignment_id(connection_id, canvas_id): canvas_id for canvas_id in published}
    unknown = [id_ for id_ in scores if id_ not in canvas_ids]
    if unknown:
        raise UnknownAssignment(unknown)
    replaced = {
        canvas_ids[id_]: _with_score(items[canvas_ids[id_]], score) for id_, score in scores.items()
    }
    return {**items, **replaced}


def _with_score(item: StoredItem, score: float | None) -> StoredItem:
    """Return an assignment with a posted grade, or not graded: neither excused nor in review."""
    replaced = item.copy()
    replaced[SCORE] = score
    replaced[FLAGS] = item[FLAGS] & ~(EXCUSED | PENDING_REVIEW) | POSTED
    return replaced


def _reason(document: Mapping[str, Any], basis: Basis, present: Comparison) -> str | None:
    """Return why the calculation is not exact, as a sentence; None if it is."""
    obstacle = _obstacle(document, basis)
    if obstacle or present.exact:
        return obstacle
    if present.ours is None:
        return TOO_LARGE
    shown = ShownTotals.of(document)
    return DIFFERENT_TOTALS.format(ours=_in_words(present.ours), shown=_in_words(shown))


def _obstacle(document: Mapping[str, Any], basis: Basis) -> str | None:
    """Return why the totals cannot be compared with those of Canvas; None if they can."""
    has_no_totals = document["current_score"] is None and document["final_score"] is None
    obstacles = {
        "You are not a student in this course, so Canvas calculates no totals for you.": (
            document["role"] != "student"
        ),
        "Canvas hides the totals of this course, so there is nothing to compare with.": (
            document["grades_hidden"]
        ),
        "Canvas does not show this course at present.": document["state"] == "restricted",
        "The assignments of this course could not be read when it was last synchronised.": (
            not basis["complete"]
        ),
        "The rules of the assignment groups are not known yet; the next full sync reads them.": (
            basis["groups"] is None
        ),
        "The totals weigh grading periods, and Canvas does not show these weights.": (
            basis["needs_period_weights"]
        ),
        "Canvas shows no totals of this course yet, so there is nothing to compare with.": (
            has_no_totals
        ),
    }
    return next((reason for reason, holds in obstacles.items() if holds), None)


def _in_words(totals: ShownTotals) -> str:
    current = _score_in_words(totals.current_score, totals.current_grade)
    final = _score_in_words(totals.final_score, totals.final_grade)
    return f"{current} current and {final} final"


def _score_in_words(score: float | None, grade: str | None) -> str:
    if score is None:
        return "no score"
    return f"{score:g} %" if grade is None else f"{score:g} % ({grade})"
