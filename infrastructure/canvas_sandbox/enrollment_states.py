"""What an enrollment permits at a time, by its state and the dates of section, course and term.

Source: `app/models/enrollment_state.rb` and `lib/canvas/builders/enrollment_date_builder.rb` of
canvas-lms.
"""

from collections.abc import Iterable, Iterator

from infrastructure.canvas_sandbox.enrolled_students import Enrollment
from infrastructure.canvas_sandbox.model import Course

READING_STATES = frozenset({"active", "invited", "accepted", "completed"})
CURRENT_STATES = frozenset({"active", "invited", "creation_pending"})
DateRange = tuple[int | None, int | None]


def dated_state(enrollment: Enrollment, course: Course, now: int) -> str:
    """The state that Canvas stores for SQL queries: by workflow state and dates.

    `pending_active` and `pending_invited` are before the first date.
    """
    if enrollment.state not in {"active", "invited"}:
        return enrollment.state
    if course.state == "completed":
        return "completed"
    ranges = list(_date_ranges(enrollment, course))
    if any((starts or now) <= now <= (ends or now) for starts, ends in ranges):
        return enrollment.state
    first = min(date for pair in ranges for date in pair if date is not None)
    if first < now:
        return "completed"
    return "inactive" if enrollment.is_staff else f"pending_{enrollment.state}"


def is_restricted(enrollment: Enrollment, course: Course, now: int) -> bool:
    """Whether the course does not permit this view before its start or after its end."""
    if enrollment.is_staff:
        return False
    state = dated_state(enrollment, course, now)
    if state.startswith("pending") or state == "creation_pending":
        return course.restricts_future_view
    if state == "completed":
        return course.restricts_past_view
    return course.restricted and state in CURRENT_STATES


def effective_state(enrollment: Enrollment, course: Course, now: int) -> str:
    """The state that decides access; an active enrollment before its start is `accepted`."""
    if is_restricted(enrollment, course, now):
        return "inactive"
    state = dated_state(enrollment, course, now)
    return {"pending_active": "accepted", "pending_invited": "invited"}.get(state, state)


def may_read(enrollments: Iterable[Enrollment], course: Course, now: int) -> bool:
    """Whether a user with these enrollments may read a course that is not deleted."""
    permits_students = course.state in {"available", "completed"}
    return any(
        effective_state(item, course, now) in READING_STATES and (permits_students or item.is_staff)
        for item in enrollments
    )


def sees_drafts(enrollments: Iterable[Enrollment], course: Course, now: int) -> bool:
    """Whether a user with these enrollments sees unpublished assignments."""
    return any(
        item.is_staff and effective_state(item, course, now) in READING_STATES
        for item in enrollments
    )


def _date_ranges(enrollment: Enrollment, course: Course) -> Iterator[DateRange]:
    term_starts = None if enrollment.is_staff else course.term.starts
    term = (term_starts, course.term.ends)
    if enrollment.starts is not None and enrollment.ends is not None:
        yield (enrollment.starts, enrollment.ends)
        return
    if course.section_dates is not None:
        yield course.section_dates
    elif course.has_own_dates:
        yield (course.starts, course.ends)
    else:
        yield term
        return
    if enrollment.is_staff:
        yield term
