"""A course as Canvas lists it, turned into what we store."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.canvas import Course, Teacher, Term
from infrastructure.canvas.json_fields import address, id_of, number, record, records, text, time

MOST_TEACHERS = 200
STUDENT = {"student", "StudentEnrollment"}
TOTALS = ("computed_current_score", "computed_current_grade", "computed_current_letter_grade")
GRADES = ("current_score", "current_grade", "final_score", "final_grade")


class Totals(NamedTuple):
    """What a course adds up to."""

    current_score: float | None = None
    current_grade: str | None = None
    final_score: float | None = None
    final_grade: str | None = None


def parse_course(row: Any, origin: str) -> Course | None:
    """One row of `GET /courses`; None when it has no id."""
    row = record(row)
    canvas_id = id_of(row.get("id"))
    if canvas_id is None:
        return None
    state = _state(row)
    totals = _totals(row)
    shown = totals or Totals()
    return Course(
        canvas_id=canvas_id,
        name=text(row.get("name")),
        course_code=text(row.get("course_code")),
        term=_term(record(row.get("term"))),
        state=state,
        favorite=row.get("is_favorite") is True,
        teachers=_teachers(row.get("teachers")),
        time_zone=text(row.get("time_zone")),
        current_score=shown.current_score,
        current_grade=shown.current_grade,
        final_score=shown.final_score,
        final_grade=shown.final_grade,
        grades_hidden=totals is None and state != "restricted",
        weighted=row.get("apply_assignment_group_weights") is True,
        image_url=address(row.get("image_download_url")),
        html_url=f"{origin}/courses/{canvas_id}",
    )


def student_id(row: Any) -> str | None:
    """Whose course it is: the user of the student enrollment."""
    found = (id_of(seat.get("user_id")) for seat in seats(record(row)))
    return next((id_ for id_ in found if id_), None)


def seats(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The student's enrollments inside of a course, one for each section."""
    return [item for item in records(row.get("enrollments")) if item.get("type") in STUDENT]


def shows_totals(seat: dict[str, Any]) -> bool:
    """Whether an enrollment inside of a course tells totals; hidden ones are absent keys."""
    return any(key in seat for key in TOTALS)


def enrolled_totals(row: Any) -> Totals | None:
    """The totals in a row of `GET /users/self/enrollments`; None where they are hidden."""
    grades = record(record(row).get("grades"))
    if not any(key in grades for key in GRADES):
        return None
    return Totals(
        current_score=number(grades.get("current_score")),
        current_grade=text(grades.get("current_grade")),
        final_score=number(grades.get("final_score")),
        final_grade=text(grades.get("final_grade")),
    )


def best(found: Iterable[Totals | None]) -> Totals | None:
    """Those of the first section that has some; None where all are hidden."""
    return max(found, key=_weight, default=None)


def _state(row: dict[str, Any]) -> str:
    if row.get("access_restricted_by_date") is True:
        return "restricted"
    over = row.get("concluded") is True or row.get("workflow_state") == "completed"
    return "concluded" if over else "active"


def _totals(row: dict[str, Any]) -> Totals | None:
    if row.get("hide_final_grades") is True:
        return None
    return best(_seat_totals(seat) for seat in seats(row) if shows_totals(seat))


def _weight(totals: Totals | None) -> int:
    return 0 if totals is None else 1 + any(part is not None for part in totals)


def _seat_totals(seat: dict[str, Any]) -> Totals:
    score = number(seat.get("computed_current_score"))
    grade = text(seat.get("computed_current_grade"))
    grade = grade or text(seat.get("computed_current_letter_grade"))
    if score is None and grade is None:
        score = number(seat.get("current_period_computed_current_score"))
        grade = text(seat.get("current_period_computed_current_grade"))
    return Totals(
        current_score=score,
        current_grade=grade,
        final_score=number(seat.get("computed_final_score")),
        final_grade=text(seat.get("computed_final_grade")),
    )


def _term(row: dict[str, Any]) -> Term | None:
    id_ = id_of(row.get("id"))
    if id_ is None:
        return None
    return Term(
        id=id_,
        name=text(row.get("name")),
        start_at=time(row.get("start_at")),
        end_at=time(row.get("end_at")),
    )


def _teachers(rows: Any) -> list[Teacher]:
    found = {
        id_: Teacher(id=id_, name=text(row.get("display_name")))
        for row in records(rows)[:MOST_TEACHERS]
        if (id_ := id_of(row.get("id")))
    }
    return [found[id_] for id_ in sorted(found)]
