"""Which courses must be read, judging by feeds over all of them and by what is remembered.

What no feed shows waits for the next full run; docs/decisions says what that is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.canvas import Course, digest
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_diff import CourseSnapshot


class FeedContent(NamedTuple):
    """What the feeds told, and for which days the planner did."""

    entries: Sequence[FeedEntry]
    window: PlannerWindow


def courses_to_fetch(
    known: Mapping[str, CourseSnapshot],
    courses: Iterable[Course],
    feeds: FeedContent,
    last_full_sync_at: str | None,
) -> set[str]:
    """The ids of the courses listed that differ, or may differ, from what is remembered."""
    changed_ids = changed_course_ids(known, feeds.entries, last_full_sync_at)
    listed_ids = {entry.assignment_id for entry in feeds.entries}
    return {
        course["canvas_id"]
        for course in courses
        if course_differs(known.get(course["canvas_id"]), course)
        or (
            course["state"] != "restricted"
            and (
                course["canvas_id"] in changed_ids
                or _may_miss_posted_grade(
                    known[course["canvas_id"]], course, listed_ids, feeds.window
                )
            )
        )
    }


def course_differs(snapshot: CourseSnapshot | None, course: Course) -> bool:
    """Whether a course is new, back again, or listed otherwise than remembered."""
    return snapshot is None or not snapshot["present"] or snapshot["digest"] != digest(course)


def changed_course_ids(
    known: Mapping[str, CourseSnapshot], entries: Iterable[FeedEntry], last_full_sync_at: str | None
) -> set[str]:
    """The ids of the courses of which a feed shows an assignment otherwise than remembered."""
    return {entry.course_id for entry in entries if _is_change(known, entry, last_full_sync_at)}


def _is_change(
    known: Mapping[str, CourseSnapshot], entry: FeedEntry, last_full_sync_at: str | None
) -> bool:
    course = known.get(entry.course_id)
    assignment = course["assignments"].get(entry.assignment_id) if course else None
    if assignment is None or not assignment["present"]:
        return not _is_outdated_grade(entry, last_full_sync_at)
    return assignment[entry.feed] != entry.state_hash


def _is_outdated_grade(entry: FeedEntry, last_full_sync_at: str | None) -> bool:
    """Whether a grade is older than a full run that found no such assignment.

    Canvas goes on listing grades of what was withdrawn from a student.
    """
    is_grade = entry.feed == "graded" and entry.graded_or_due_at is not None
    return (
        is_grade
        and last_full_sync_at is not None
        and (entry.graded_or_due_at or "") < last_full_sync_at
    )


def _may_miss_posted_grade(
    snapshot: CourseSnapshot, course: Course, listed_ids: set[str], window: PlannerWindow
) -> bool:
    """Whether a grade could be posted without a total, a graded row or the planner showing it."""
    return course["grades_hidden"] and any(
        id_ not in listed_ids and not window.contains(snapshot["assignments"][id_]["due_at"])
        for id_ in snapshot["unposted"]
    )
