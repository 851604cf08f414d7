"""The JSON of courses, with the fields that `include[]` adds."""

from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.body_template import placeholder
from infrastructure.canvas_sandbox.enrolled_students import ROLE_IDS, Enrollment
from infrastructure.canvas_sandbox.grade_calculation import NO_TOTALS, StudentTotals, Totals
from infrastructure.canvas_sandbox.grade_format import DEFAULT_SCHEME, letter_grade
from infrastructure.canvas_sandbox.listed_courses import ListedCourse
from infrastructure.canvas_sandbox.model import Course, Person, Term
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod
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
    "course_format": "on_campus",
}
GRADING_STANDARD = 25
STUB_INCLUDE = "access_restricted_by_date"
"""The value of `include[]` that lists always have: a closed course shows only its id."""


class EnrolledCourse(NamedTuple):
    """A course with the enrollments that are shown, and the totals of one student.

    `is_closed` is true if none of the enrollments gives access at this time.
    """

    listed: ListedCourse
    person: Person
    totals: StudentTotals
    now: int
    is_closed: bool = False

    @property
    def course(self) -> Course:
        """The course itself."""
        return self.listed.course

    @property
    def current_period(self) -> GradingPeriod | None:
        """The grading period that is current; None between periods or without periods."""
        periods = self.course.periods
        return periods.current(self.now) if periods else None


def serialize_restricted_course(course: Course) -> dict[str, Any]:
    """Serialize a course that is closed by its dates: Canvas shows only its id."""
    return {"id": course.id, "access_restricted_by_date": True}


def serialize_course(
    enrolled: EnrolledCourse, includes: frozenset[str], domain: str
) -> dict[str, Any]:
    """Serialize a course; `includes` are the values of `include[]`."""
    subject, seat = enrolled.course, enrolled.listed.seat
    if enrolled.is_closed and STUB_INCLUDE in includes:
        return serialize_restricted_course(subject)
    named = {"name": seat.nickname or subject.name}
    if seat.nickname:
        named["original_name"] = subject.name
    return {
        "id": subject.id,
        **named,
        "account_id": 81_259,
        "uuid": opaque_id("course", subject.id),
        "start_at": format_time(subject.starts),
        "end_at": format_time(subject.ends),
        "grading_standard_id": None if subject.scheme is None else GRADING_STANDARD,
        "created_at": format_time(subject.created_at),
        "course_code": subject.code,
        "enrollment_term_id": subject.term.id,
        "apply_assignment_group_weights": subject.weighted,
        **COURSE_CONSTANTS,
        "restrict_enrollments_to_course_dates": subject.has_own_dates,
        "calendar": {
            "ics": f"https://{domain}/feeds/calendars/course_{opaque_id('ics', subject.id)}.ics"
        },
        "time_zone": subject.time_zone,
        "hide_final_grades": subject.totals_hidden,
        "workflow_state": subject.state,
        **_period_flags(subject, includes),
        "enrollments": [
            _enrollment_fields(enrolled, item, includes) for item in enrolled.listed.enrollments
        ],
        **_included_fields(enrolled, includes, domain),
    }


def total_fields(
    prefix: str, course: Course, totals: Totals, override: float | None = None
) -> dict[str, Any]:
    """The fields of totals with their grades; an override replaces both totals."""
    shown = totals if override is None else Totals(override, override)
    current, final = (
        None if course.scheme is None else letter_grade(score, course.scheme) for score in shown
    )
    return {
        f"{prefix}current_score": shown.current,
        f"{prefix}current_grade": current,
        f"{prefix}current_letter_grade": current,
        f"{prefix}final_score": shown.final,
        f"{prefix}final_grade": final,
    }


def _enrollment_fields(
    enrolled: EnrolledCourse, subject: Enrollment, includes: frozenset[str]
) -> dict[str, Any]:
    shown = {
        "type": subject.role,
        "role": subject.type,
        "role_id": ROLE_IDS[subject.role],
        "user_id": enrolled.person.id,
        "enrollment_state": subject.state,
        "limit_privileges_to_course_section": False,
    }
    if subject.observed_id is not None:
        shown["associated_user_id"] = subject.observed_id
    if subject.role != "student" or "total_scores" not in includes:
        return shown
    course, totals = enrolled.course, enrolled.totals
    with_period = "current_grading_period_scores" in includes
    if not course.totals_hidden:
        shown |= total_fields("computed_", course, totals.whole, subject.override_score)
    if with_period:
        shown |= _period_fields(enrolled)
    if with_period and not course.totals_hidden:
        shown |= _period_totals(enrolled)
    return shown


def _period_fields(enrolled: EnrolledCourse) -> dict[str, Any]:
    """The fields that Canvas sends even if totals are hidden."""
    period = enrolled.current_period
    return {
        "has_grading_periods": enrolled.course.periods is not None,
        "multiple_grading_periods_enabled": enrolled.course.periods is not None,
        "current_grading_period_id": period.id if period else None,
        "current_grading_period_title": period.title if period else None,
    }


def _period_totals(enrolled: EnrolledCourse) -> dict[str, Any]:
    course, period = enrolled.course, enrolled.current_period
    totals = enrolled.totals.by_period.get(period.id, NO_TOTALS) if period else NO_TOTALS
    fields = total_fields("current_period_computed_", course, totals)
    del fields["current_period_computed_current_letter_grade"]
    shows_all = course.periods is not None and course.periods.shows_totals_for_all
    return {"totals_for_all_grading_periods_option": shows_all, **fields}


def _period_flags(course: Course, includes: frozenset[str]) -> dict[str, Any]:
    if "current_grading_period_scores" not in includes:
        return {}
    has_periods = course.periods is not None
    return {
        "has_grading_periods": has_periods,
        "multiple_grading_periods_enabled": has_periods,
        "has_weighted_grading_periods": course.periods is not None and course.periods.weighted,
    }


def _included_fields(
    enrolled: EnrolledCourse, includes: frozenset[str], domain: str
) -> dict[str, Any]:
    course = enrolled.course
    scheme = course.scheme or DEFAULT_SCHEME
    fields_by_include: dict[str, dict[str, Any]] = {
        "term": {"term": _term_fields(course.term)},
        "teachers": {"teachers": [serialize_teacher(person, domain) for person in course.teachers]},
        "favorites": {"is_favorite": enrolled.listed.seat.favorite},
        "concluded": {"concluded": course.is_concluded(enrolled.now)},
        "course_image": {"image_download_url": image_url(course, domain)},
        "grading_periods": {"grading_periods": _grading_periods(course)},
        "grading_scheme": {"grading_scheme": [[grade, bound] for grade, bound in scheme]},
        "restrict_quantitative_data": {"restrict_quantitative_data": False},
        "sections": {"sections": [{"id": course.id, "name": course.code}]},
        "syllabus_body": {"syllabus_body": f"<p>{course.name}</p>"},
        "public_description": {"public_description": None},
    }
    found: dict[str, Any] = {}
    for include in sorted(includes & fields_by_include.keys()):
        found |= fields_by_include[include]
    return found


def _grading_periods(course: Course) -> list[dict[str, Any]] | None:
    if course.periods is None:
        return None
    return [
        {
            "id": period.id,
            "title": period.title,
            "start_date": format_time(period.starts),
            "end_date": format_time(period.ends),
            "workflow_state": "active",
        }
        for period in course.periods.periods
    ]


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


def image_url(course: Course, domain: str) -> object:
    """The URL of the picture of a course, with a new signature each time; None if it has none."""
    if not course.has_image:
        return None
    return placeholder("image", f"https://inst-fs.{domain}/courses/{course.id}/card.png")
