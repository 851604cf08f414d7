"""Enrollments as their own objects, with the student's grades."""

from typing import Any

from infrastructure.canvas_sandbox.grade_calculation import letter
from infrastructure.canvas_sandbox.sandbox_clock import DAY, iso
from infrastructure.canvas_sandbox.serializers.course import Seat
from infrastructure.canvas_sandbox.serializers.person import user

SECTIONS_APART = 500_000


def enrollment(seat: Seat, section: int, domain: str) -> dict[str, Any]:
    """One enrollment in one section; reading a course moves its `last_activity_at`."""
    subject, course, person = seat.enrollment, seat.course, seat.person
    page = f"https://{domain}/courses/{course.id}"
    known = user(person, domain)
    return {
        "id": subject.id + section * SECTIONS_APART,
        "user_id": person.id,
        "course_id": course.id,
        "type": "StudentEnrollment",
        "created_at": iso(course.created_at),
        "updated_at": iso(course.created_at + DAY),
        "associated_user_id": None,
        "start_at": None,
        "end_at": None,
        "course_section_id": course.id + section * SECTIONS_APART,
        "root_account_id": 1,
        "limit_privileges_to_course_section": False,
        "enrollment_state": "inactive" if course.restricted else "active",
        "role": "StudentEnrollment",
        "role_id": 3,
        "last_activity_at": iso(subject.last_activity_at),
        "last_attended_at": None,
        "total_activity_time": subject.activity_time,
        "sis_import_id": None,
        "grades": _grades(seat, f"{page}/grades/{person.id}"),
        "html_url": f"{page}/users/{person.id}",
        "user": {key: known[key] for key in ("id", "name", "created_at", "sortable_name")},
    }


def _grades(seat: Seat, page: str) -> dict[str, Any]:
    address = {"html_url": page}
    if seat.course.totals_hidden or seat.course.restricted:
        return address
    current, final = seat.totals
    lettered = seat.course.lettered
    return address | {
        "current_score": current,
        "current_grade": letter(current) if lettered else None,
        "final_score": final,
        "final_grade": letter(final) if lettered else None,
    }
