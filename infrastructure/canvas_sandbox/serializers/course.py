"""Courses, with whatever a client asked to include."""

from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.body_template import tick
from infrastructure.canvas_sandbox.grade_calculation import Totals, letter
from infrastructure.canvas_sandbox.model import Course, Enrollment, Person, Term
from infrastructure.canvas_sandbox.sandbox_clock import iso
from infrastructure.canvas_sandbox.serializers.person import opaque, teacher

ALWAYS: dict[str, Any] = {
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
PERIOD = {"current_grading_period_id": 31, "current_grading_period_title": "Second half"}
NO_PERIOD = {"current_grading_period_id": None, "current_grading_period_title": None}


class Seat(NamedTuple):
    """A student's place in a course, with what they have reached so far."""

    course: Course
    enrollment: Enrollment
    person: Person
    totals: Totals
    period_totals: Totals


def restricted(course: Course) -> dict[str, Any]:
    """All that is shown of a course closed by its dates: not even a name."""
    return {"id": course.id, "access_restricted_by_date": True}


def course(seat: Seat, includes: frozenset[str], domain: str) -> dict[str, Any]:
    """One course as its student sees it."""
    subject, enrollment = seat.course, seat.enrollment
    if subject.restricted:
        return restricted(subject)
    named = {"name": enrollment.nickname or subject.name}
    if enrollment.nickname:
        named["original_name"] = subject.name
    return {
        "id": subject.id,
        **named,
        "account_id": 81_259,
        "uuid": opaque("course", subject.id),
        "start_at": None,
        "end_at": None,
        "grading_standard_id": GRADING_STANDARD if subject.lettered else None,
        "created_at": iso(subject.created_at),
        "course_code": subject.code,
        "enrollment_term_id": subject.term.id,
        "apply_assignment_group_weights": subject.weighted,
        **ALWAYS,
        "calendar": {
            "ics": f"https://{domain}/feeds/calendars/course_{opaque('ics', subject.id)}.ics"
        },
        "time_zone": subject.time_zone,
        "hide_final_grades": subject.totals_hidden,
        "workflow_state": "available",
        "enrollments": [_enrollment(seat, includes)] * subject.sections,
        **_included(seat, includes, domain),
    }


def _enrollment(seat: Seat, includes: frozenset[str]) -> dict[str, Any]:
    shown = {
        "type": "student",
        "role": "StudentEnrollment",
        "role_id": 3,
        "user_id": seat.person.id,
        "enrollment_state": "active",
        "limit_privileges_to_course_section": False,
    }
    if seat.course.totals_hidden or "total_scores" not in includes:
        return shown
    shown |= _computed("computed", seat.course, seat.totals)
    if "current_grading_period_scores" in includes:
        shown |= _period(seat)
    return shown


def _computed(prefix: str, course: Course, reached: Totals) -> dict[str, Any]:
    current, final = (letter(score) if course.lettered else None for score in reached)
    return {
        f"{prefix}_current_score": reached.current,
        f"{prefix}_current_grade": current,
        f"{prefix}_current_letter_grade": current,
        f"{prefix}_final_score": reached.final,
        f"{prefix}_final_grade": final,
    }


def _period(seat: Seat) -> dict[str, Any]:
    has = seat.course.periods_since is not None
    return {
        "has_grading_periods": has,
        "multiple_grading_periods_enabled": has,
        "totals_for_all_grading_periods_option": has,
        **(PERIOD if has else NO_PERIOD),
        **_computed("current_period_computed", seat.course, seat.period_totals),
    }


def _included(seat: Seat, includes: frozenset[str], domain: str) -> dict[str, Any]:
    course = seat.course
    has_periods = course.periods_since is not None
    offers: dict[str, dict[str, Any]] = {
        "term": {"term": _term(course.term)},
        "teachers": {"teachers": [teacher(person, domain) for person in course.teachers]},
        "favorites": {"is_favorite": seat.enrollment.favorite},
        "concluded": {"concluded": course.concluded},
        "course_image": {"image_download_url": _image(course, domain)},
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
    for include in sorted(includes & offers.keys()):
        found |= offers[include]
    return found


def _term(term: Term) -> dict[str, Any]:
    return {
        "id": term.id,
        "name": term.name,
        "start_at": iso(term.starts),
        "end_at": iso(term.ends),
        "created_at": "2024-08-28T00:00:00Z",
        "workflow_state": "active",
        "grading_period_group_id": None,
    }


def _image(course: Course, domain: str) -> object:
    if not course.pictured:
        return None
    return tick("image", f"https://inst-fs.{domain}/courses/{course.id}/card.png")
