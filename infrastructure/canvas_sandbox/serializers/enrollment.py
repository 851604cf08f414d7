"""The JSON of enrollments outside of courses, with the student's totals."""

from typing import Any

from infrastructure.canvas_sandbox.grade_calculation import letter_grade
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, format_time
from infrastructure.canvas_sandbox.serializers.course import EnrolledCourse
from infrastructure.canvas_sandbox.serializers.person import serialize_user

SECTION_ID_STEP = 500_000


def serialize_enrollment(enrolled: EnrolledCourse, section: int, domain: str) -> dict[str, Any]:
    """Serialize the enrollment in one section.

    `last_activity_at` changes with each request for the course, as in Canvas.
    """
    subject, course, person = enrolled.enrollment, enrolled.course, enrolled.person
    page = f"https://{domain}/courses/{course.id}"
    user = serialize_user(person, domain)
    return {
        "id": subject.id + section * SECTION_ID_STEP,
        "user_id": person.id,
        "course_id": course.id,
        "type": "StudentEnrollment",
        "created_at": format_time(course.created_at),
        "updated_at": format_time(course.created_at + DAY_SECONDS),
        "associated_user_id": None,
        "start_at": None,
        "end_at": None,
        "course_section_id": course.id + section * SECTION_ID_STEP,
        "root_account_id": 1,
        "limit_privileges_to_course_section": False,
        "enrollment_state": "inactive" if course.restricted else "active",
        "role": "StudentEnrollment",
        "role_id": 3,
        "last_activity_at": format_time(subject.last_activity_at),
        "last_attended_at": None,
        "total_activity_time": subject.activity_time,
        "sis_import_id": None,
        "grades": _grade_fields(enrolled, f"{page}/grades/{person.id}"),
        "html_url": f"{page}/users/{person.id}",
        "user": {key: user[key] for key in ("id", "name", "created_at", "sortable_name")},
    }


def _grade_fields(enrolled: EnrolledCourse, page: str) -> dict[str, Any]:
    page_link = {"html_url": page}
    if enrolled.course.totals_hidden or enrolled.course.restricted:
        return page_link
    current, final = enrolled.totals
    lettered = enrolled.course.has_letter_grades
    return page_link | {
        "current_score": current,
        "current_grade": letter_grade(current) if lettered else None,
        "final_score": final,
        "final_grade": letter_grade(final) if lettered else None,
    }
