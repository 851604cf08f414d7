"""From where a course is looked at."""

from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Course


class View(NamedTuple):
    """A course, the host that addresses name, the moment, and the fields left out."""

    course: Course
    domain: str
    now: int
    excludes: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """The course's own page."""
        return f"https://{self.domain}/courses/{self.course.id}"
