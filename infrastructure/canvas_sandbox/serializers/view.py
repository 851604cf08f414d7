"""What the JSON of the items of a course depends on, besides the items."""

from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Course


class CourseView(NamedTuple):
    """A course, the host in URLs, the current time, and the excluded response fields."""

    course: Course
    domain: str
    now: int
    excludes: frozenset[str] = frozenset()

    @property
    def page_url(self) -> str:
        """The URL of the page of the course."""
        return f"https://{self.domain}/courses/{self.course.id}"
