"""Finds the courses that an incremental run must read, by course list and change feeds.

The next full run finds what neither of them shows; docs/decisions/0014 lists it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.canvas import Course, digest
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_diff import CourseSnapshot


class FeedContent(NamedTuple):
    """The entries of both change feeds, and the days for which the planner was read."""

    entries: Sequence[FeedEntry]
    window: PlannerWindow


def courses_to_fetch(
    known: Mapping[str, CourseSnapshot],
    courses: Iterable[Course],
    feeds: FeedContent,
    last_full_sync_at: str | None,
) -> set[str]:
    """Return the Canvas ids of the listed courses that differ, or may differ, from `known`.

    `known` has the snapshots by Canvas id. `last_full_sync_at` is the start of the last full run,
    as RFC 3339 text.
    """
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
    """Return whether a listed course is new, was withdrawn before, or differs from its snapshot."""
    return snapshot is None or not snapshot["present"] or snapshot["digest"] != digest(course)


def changed_course_ids(
    known: Mapping[str, CourseSnapshot], entries: Iterable[FeedEntry], last_full_sync_at: str | None
) -> set[str]:
    """Return the Canvas ids of the courses with an assignment whose state hash differs."""
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
    """Whether a grade is older than a full run that did not find its assignment.

    Canvas lists the grades of assignments that are no longer assigned to the student.
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
    """Whether a hidden grade could be posted without a change of a total or of a feed."""
    return course["grades_hidden"] and any(
        id_ not in listed_ids and not window.contains(snapshot["assignments"][id_]["due_at"])
        for id_ in snapshot["unposted"]
    )
