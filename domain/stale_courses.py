"""Which courses must be read, judging by feeds over all of them and by what is remembered.

What no feed shows waits for the next full run; docs/decisions says what that is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.canvas import Course, digest
from domain.change_feed import Glimpse, Window
from domain.course_diff import SeenCourse


class Told(NamedTuple):
    """What the feeds told, and for which days the planner did."""

    glimpses: Sequence[Glimpse]
    window: Window


def stale(
    known: Mapping[str, SeenCourse], courses: Iterable[Course], told: Told, full_at: str | None
) -> set[str]:
    """The ids of the courses listed that differ, or may differ, from what is remembered."""
    given_away = giveaways(known, told.glimpses, full_at)
    shown = {glimpse.assignment_id for glimpse in told.glimpses}
    return {
        course["canvas_id"]
        for course in courses
        if differs(known.get(course["canvas_id"]), course)
        or (
            course["state"] != "restricted"
            and (
                course["canvas_id"] in given_away
                or _may_post_unseen(known[course["canvas_id"]], course, shown, told.window)
            )
        )
    }


def differs(seen: SeenCourse | None, course: Course) -> bool:
    """Whether a course is new, back again, or listed otherwise than remembered."""
    return seen is None or not seen["present"] or seen["digest"] != digest(course)


def giveaways(
    known: Mapping[str, SeenCourse], glimpses: Iterable[Glimpse], full_at: str | None
) -> set[str]:
    """The ids of the courses of which a feed shows an assignment otherwise than remembered."""
    return {glimpse.course_id for glimpse in glimpses if _is_news(known, glimpse, full_at)}


def _is_news(known: Mapping[str, SeenCourse], glimpse: Glimpse, full_at: str | None) -> bool:
    course = known.get(glimpse.course_id)
    seen = course["assignments"].get(glimpse.assignment_id) if course else None
    if seen is None or not seen["present"]:
        return not _is_left_over(glimpse, full_at)
    return seen[glimpse.feed] != glimpse.mark


def _is_left_over(glimpse: Glimpse, full_at: str | None) -> bool:
    """Whether a grade is older than a full run that found no such assignment.

    Canvas goes on listing grades of what was withdrawn from a student.
    """
    graded = glimpse.feed == "graded" and glimpse.at is not None
    return graded and full_at is not None and (glimpse.at or "") < full_at


def _may_post_unseen(seen: SeenCourse, course: Course, shown: set[str], window: Window) -> bool:
    """Whether a grade could be posted without a total, a graded row or the planner showing it."""
    return course["grades_hidden"] and any(
        id_ not in shown and not window.holds(seen["assignments"][id_]["due_at"])
        for id_ in seen["unposted"]
    )
