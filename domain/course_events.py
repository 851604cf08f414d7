"""Builds the events that record what differs in a course and in the list of courses."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.canvas import Course
from domain.course_diff import CourseDiff, CourseSnapshot, ScoreChange, Work
from domain.event import Event
from domain.events.sync import (
    CourseFetched,
    CourseUnlisted,
    CourseWithdrawn,
    DueDateChanged,
    GradeChanged,
    Progress,
)


class NewEvent(NamedTuple):
    """An event that is not recorded yet: its class, and its fields except those of the run."""

    kind: type[Event]
    fields: dict[str, Any]


class KnownCourse(NamedTuple):
    """What was last recorded of a course and helps to read it again."""

    assignment_ids: frozenset[str] = frozenset()
    """The Canvas ids of its assignments."""
    has_period: bool = False
    """Whether its totals were those of a grading period."""
    work_digest: str | None = None
    """The digest of its groups and assignments, if it is known; see Sync.work_digests."""


class CourseList(NamedTuple):
    """The courses that Canvas lists for a person."""

    courses: list[Course]
    """Each course once; deleted ones have the state `withdrawn`."""
    complete: bool
    """Whether a course that is not in it is missing in Canvas too."""
    unknown: frozenset[str] = frozenset()
    """Canvas ids of courses of which not even a complete list says whether they exist."""
    live_counts: Mapping[str, int] = {}
    """How many enrollments of a course are live by their stored state, by its Canvas id."""


def course_events(
    changes: CourseDiff, course: Course, work: Work, *, progress: Progress, baseline: bool
) -> Iterator[NewEvent]:
    """Yield the events for a fetched course with these changes; none if there are none."""
    if changes.is_empty:
        return
    yield NewEvent(
        CourseFetched,
        {
            "course": course,
            "complete": changes.complete,
            "groups": work.groups if changes.groups_changed else None,
            "assignments": changes.assignments,
            "removed": changes.removed,
            "changes": changes.change_counts,
            "progress": progress,
        },
    )
    for due in changes.due_dates:
        yield NewEvent(DueDateChanged, {"course_id": course["canvas_id"], **due._asdict()})
    names = {item["canvas_id"]: item["name"] for item in changes.assignments}
    for score in changes.scores:
        yield NewEvent(GradeChanged, _grade_fields(course, names, score, baseline=baseline))


def unlisted_events(known: Mapping[str, CourseSnapshot], listed: CourseList) -> Iterator[NewEvent]:
    """Yield the events for known courses that Canvas deleted, or that a complete list lacks.

    A course is withdrawn when the second complete list in a row lacks it.
    """
    deleted = {course["canvas_id"] for course in listed.courses if course["state"] == "withdrawn"}
    listed_ids = {course["canvas_id"] for course in listed.courses}
    missing = known.keys() - listed_ids - listed.unknown if listed.complete else set[str]()
    for course_id in sorted(deleted | missing):
        snapshot = known.get(course_id)
        if snapshot and snapshot["present"]:
            is_gone = course_id in deleted or snapshot["missed"]
            kind = CourseWithdrawn if is_gone else CourseUnlisted
            yield NewEvent(kind, {"course_id": course_id})


def missing_courses(known: Mapping[str, CourseSnapshot], courses: Iterable[Course]) -> set[str]:
    """Return the ids of known courses that are not withdrawn and not in a list."""
    present = {id_ for id_, snapshot in known.items() if snapshot["present"]}
    return present - {course["canvas_id"] for course in courses}


def known_courses(
    known: Mapping[str, CourseSnapshot], work_digests: Mapping[str, str]
) -> dict[str, KnownCourse]:
    """Return what is known of each course by its Canvas id."""
    return {
        course_id: KnownCourse(
            frozenset(id_ for id_, item in snapshot["assignments"].items() if item["present"]),
            snapshot["has_period"],
            work_digests.get(course_id) if snapshot["complete"] else None,
        )
        for course_id, snapshot in known.items()
    }


def _grade_fields(
    course: Course, names: Mapping[str, str | None], score: ScoreChange, *, baseline: bool
) -> dict[str, Any]:
    """Return the fields of a GradeChanged; `names` has those of the assignments by Canvas id."""
    return {
        "subject": "assignment" if score.assignment_id else "course",
        "course_id": course["canvas_id"],
        "course_name": course["name"],
        "assignment_name": names.get(score.assignment_id or ""),
        "baseline": baseline,
        **score._asdict(),
    }
