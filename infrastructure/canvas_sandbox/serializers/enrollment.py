"""The JSON of enrollments outside of courses, with the student's totals."""

from typing import Any

from infrastructure.canvas_sandbox.enrolled_students import (
    ROLE_IDS,
    SECTION_ID_STEP,
    Enrollment,
)
from infrastructure.canvas_sandbox.grade_calculation import NO_TOTALS
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, format_time
from infrastructure.canvas_sandbox.serializers.course import EnrolledCourse, total_fields
from infrastructure.canvas_sandbox.serializers.person import serialize_user

GRADE_FIELDS = ("current_score", "current_grade", "final_score", "final_grade")


def serialize_enrollment(
    enrolled: EnrolledCourse, subject: Enrollment, domain: str, period_id: int | None = None
) -> dict[str, Any]:
    """Serialize an enrollment; with `period_id`, with the totals of that grading period.

    `last_activity_at` changes with each request for the course, as in Canvas.
    """
    seat, course, person = enrolled.listed.seat, enrolled.course, enrolled.person
    page = f"https://{domain}/courses/{course.id}"
    user = serialize_user(person, domain)
    shown = {
        "id": subject.id,
        "user_id": person.id,
        "course_id": course.id,
        "type": subject.type,
        "created_at": format_time(course.created_at),
        "updated_at": format_time(course.created_at + DAY_SECONDS),
        "associated_user_id": subject.observed_id,
        "start_at": format_time(subject.starts),
        "end_at": format_time(subject.ends),
        "course_section_id": course.id + subject.section * SECTION_ID_STEP,
        "root_account_id": 1,
        "limit_privileges_to_course_section": False,
        "enrollment_state": _shown_state(enrolled, subject),
        "role": subject.type,
        "role_id": ROLE_IDS[subject.role],
        "last_activity_at": format_time(seat.last_activity_at),
        "last_attended_at": None,
        "total_activity_time": seat.activity_time,
        "sis_import_id": None,
    }
    if subject.role == "student":
        shown["grades"] = _grade_fields(enrolled, subject, f"{page}/grades/{person.id}", period_id)
    return shown | {
        "html_url": f"{page}/users/{person.id}",
        "user": {key: user[key] for key in ("id", "name", "created_at", "sortable_name")},
    }


def _shown_state(enrolled: EnrolledCourse, subject: Enrollment) -> str:
    if enrolled.course.state == "deleted":
        return "deleted"
    return "inactive" if enrolled.course.restricted else subject.state


def _grade_fields(
    enrolled: EnrolledCourse, subject: Enrollment, page: str, period_id: int | None
) -> dict[str, Any]:
    page_link = {"html_url": page}
    if enrolled.course.totals_hidden or enrolled.course.restricted:
        return page_link
    totals, override = enrolled.totals.whole, subject.override_score
    if period_id is not None:
        totals, override = enrolled.totals.by_period.get(period_id, NO_TOTALS), None
    fields = total_fields("", enrolled.course, totals, override)
    return page_link | {name: fields[name] for name in GRADE_FIELDS}
