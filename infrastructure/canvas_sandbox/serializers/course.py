"""The JSON of courses, with the fields that `include[]` adds."""

from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.body_template import placeholder
from infrastructure.canvas_sandbox.grade_calculation import Totals, letter_grade
from infrastructure.canvas_sandbox.model import Course, Enrollment, Person, Term
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.person import opaque_id, serialize_teacher

COURSE_CONSTANTS: dict[str, Any] = {
    "is_public": False,
    "default_view": "modules",
    "root_account_id": 1,
    "license": "private",
    "grade_passback_setting": None,
    "public_syllabus": False,
    "public_syllabus_to_auth": False,
    "storage_quota_mb": 500,
    "is_public_to_auth_users": False,
    "homeroom_course": False,
    "course_color": None,
    "friendly_name": None,
    "blueprint": False,
    "template": False,
    "restrict_enrollments_to_course_dates": False,
    "course_format": "on_campus",
}
GRADING_STANDARD = 25
CURRENT_PERIOD = {"current_grading_period_id": 31, "current_grading_period_title": "Second half"}
NO_PERIOD = {"current_grading_period_id": None, "current_grading_period_title": None}


class EnrolledCourse(NamedTuple):
    """A course with the enrollment and the totals of one student."""

    course: Course
    enrollment: Enrollment
    person: Person
    totals: Totals
    period_totals: Totals


def serialize_restricted_course(course: Course) -> dict[str, Any]:
    """Serialize a course that is closed by its dates: Canvas shows only its id."""
    return {"id": course.id, "access_restricted_by_date": True}


def serialize_course(
    enrolled: EnrolledCourse, includes: frozenset[str], domain: str
) -> dict[str, Any]:
    """Serialize a course; `includes` are the values of `include[]`."""
    subject, enrollment = enrolled.course, enrolled.enrollment
    if subject.restricted:
        return serialize_restricted_course(subject)
    named = {"name": enrollment.nickname or subject.name}
    if enrollment.nickname:
        named["original_name"] = subject.name
    return {
        "id": subject.id,
        **named,
        "account_id": 81_259,
        "uuid": opaque_id("course", subject.id),
        "start_at": None,
        "end_at": None,
        "grading_standard_id": GRADING_STANDARD if subject.has_letter_grades else None,
        "created_at": format_time(subject.created_at),
        "course_code": subject.code,
        "enrollment_term_id": subject.term.id,
        "apply_assignment_group_weights": subject.weighted,
        **COURSE_CONSTANTS,
        "calendar": {
            "ics": f"https://{domain}/feeds/calendars/course_{opaque_id('ics', subject.id)}.ics"
        },
        "time_zone": subject.time_zone,
        "hide_final_grades": subject.totals_hidden,
        "workflow_state": "available",
        "enrollments": [_enrollment_fields(enrolled, includes)] * subject.sections,
        **_included_fields(enrolled, includes, domain),
    }


def _enrollment_fields(enrolled: EnrolledCourse, includes: frozenset[str]) -> dict[str, Any]:
    shown = {
        "type": "student",
        "role": "StudentEnrollment",
        "role_id": 3,
        "user_id": enrolled.person.id,
        "enrollment_state": "active",
        "limit_privileges_to_course_section": False,
    }
    if enrolled.course.totals_hidden or "total_scores" not in includes:
        return shown
    shown |= _total_fields("computed", enrolled.course, enrolled.totals)
    if "current_grading_period_scores" in includes:
        shown |= _period_fields(enrolled)
    return shown


def _total_fields(prefix: str, course: Course, totals: Totals) -> dict[str, Any]:
    current, final = (letter_grade(score) if course.has_letter_grades else None for score in totals)
    return {
        f"{prefix}_current_score": totals.current,
        f"{prefix}_current_grade": current,
        f"{prefix}_current_letter_grade": current,
        f"{prefix}_final_score": totals.final,
        f"{prefix}_final_grade": final,
    }


def _period_fields(enrolled: EnrolledCourse) -> dict[str, Any]:
    has_periods = enrolled.course.grading_period_start is not None
    return {
        "has_grading_periods": has_periods,
        "multiple_grading_periods_enabled": has_periods,
        "totals_for_all_grading_periods_option": has_periods,
        **(CURRENT_PERIOD if has_periods else NO_PERIOD),
        **_total_fields("current_period_computed", enrolled.course, enrolled.period_totals),
    }


def _included_fields(
    enrolled: EnrolledCourse, includes: frozenset[str], domain: str
) -> dict[str, Any]:
    course = enrolled.course
    has_periods = course.grading_period_start is not None
    fields_by_include: dict[str, dict[str, Any]] = {
        "term": {"term": _term_fields(course.term)},
        "teachers": {"teachers": [serialize_teacher(person, domain) for person in course.teachers]},
        "favorites": {"is_favorite": enrolled.enrollment.favorite},
        "concluded": {"concluded": course.concluded},
        "course_image": {"image_download_url": _image_url(course, domain)},
        "grading_periods": {
            "grading_periods": [],
            "has_grading_periods": has_periods,
            "multiple_grading_periods_enabled": has_periods,
            "has_weighted_grading_periods": False,
        },
        "sections": {"sections": [{"id": course.id, "name": course.code}]},
        "syllabus_body": {"syllabus_body": f"<p>{course.name}</p>"},
        "public_description": {"public_description": None},
    }
    found: dict[str, Any] = {}
    for include in sorted(includes & fields_by_include.keys()):
        found |= fields_by_include[include]
    return found


def _term_fields(term: Term) -> dict[str, Any]:
    return {
        "id": term.id,
        "name": term.name,
        "start_at": format_time(term.starts),
        "end_at": format_time(term.ends),
        "created_at": "2024-08-28T00:00:00Z",
        "workflow_state": "active",
        "grading_period_group_id": None,
    }


def _image_url(course: Course, domain: str) -> object:
    if not course.has_image:
        return None
    return placeholder("image", f"https://inst-fs.{domain}/courses/{course.id}/card.png")
