"""Finds the courses that an incremental run must read, by course list and change feeds.

The next full run finds what neither of them shows; docs/decisions/0014 lists it.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.canvas import Course
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_diff import CourseSnapshot, course_differs, is_readable
from domain.errors import CanvasForbidden, CanvasNotFound


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
            is_readable(course)
            and (
                course["canvas_id"] in changed_ids
                or _may_miss_posted_grade(
                    known[course["canvas_id"]], course, listed_ids, feeds.window
                )
            )
        )
    }


def courses_to_fetch_fully(
    known: Mapping[str, CourseSnapshot], courses: Iterable[Course]
) -> set[str]:
    """Return the Canvas ids of the listed courses that a full run reads.

    These are all except ended courses that were read after their end and have not changed.
    """
    return {
        course["canvas_id"]
        for course in courses
        if course["state"] != "concluded"
        or course_differs(snapshot := known.get(course["canvas_id"]), course)
        or (is_readable(course) and not is_settled(snapshot))
        or (course["grades_hidden"] and snapshot and snapshot["unposted"])
    }


def courses_to_retry(
    known: Mapping[str, CourseSnapshot], courses: Iterable[Course], failed_ids: Container[str]
) -> set[str]:
    """Return the Canvas ids of the listed courses that failed and that a retry may find readable.

    That is not expected of an ended course that Canvas refuses to show.
    """
    return {
        course["canvas_id"]
        for course in courses
        if course["canvas_id"] in failed_ids
        and not (course["state"] == "concluded" and is_settled(known.get(course["canvas_id"])))
    }


def is_settled(snapshot: CourseSnapshot | None) -> bool:
    """Return whether another read of a course that did not change could show nothing new.

    That is so after a complete read, and after Canvas refused to show the assignments.
    """
    return snapshot is not None and (
        snapshot["complete"] or snapshot["problem"] in {CanvasForbidden.code, CanvasNotFound.code}
    )


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
    if entry.part:
        return assignment["parts"].get(entry.part) not in {entry.state_hash, entry.begun_hash}
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
    no_total = course["current_score"] is None and course["current_grade"] is None
    return no_total and any(
        id_ not in listed_ids and not window.contains(snapshot["assignments"][id_]["due_at"])
        for id_ in snapshot["unposted"]
    )
