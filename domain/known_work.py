"""Says of which courses the work is that of a state in which a response was compared."""

from collections.abc import Mapping
from typing import Any

from domain.course_diff import CourseSnapshot


def known_digests(
    digests: Mapping[str, str],
    compared: Mapping[str, CourseSnapshot],
    courses: Mapping[str, CourseSnapshot],
) -> dict[str, str]:
    """Return the digests, by course, of the work that is in `courses` as it is in `compared`.

    `digests` are those of the responses in which nothing differs from `compared`.
    """
    return {
        id_: digest
        for id_, digest in digests.items()
        if id_ in compared and id_ in courses and _work(compared[id_]) == _work(courses[id_])
    }


def _work(course: CourseSnapshot) -> tuple[Any, ...]:
    """Return what a response with groups and assignments is compared with."""
    return course["complete"], course["groups"], course["assignments"]
