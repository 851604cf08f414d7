"""What the JSON of the items of a course depends on, besides the items."""

from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Course


class CourseView(NamedTuple):
    """A course, the origin of links, the time, and the excluded and included response fields.

    `is_staff` is true if the user sees drafts. `checkpoints` is true if Canvas honours
    `include[]=checkpoints` here.
    """

    course: Course
    page_origin: str
    now: int
    excludes: frozenset[str] = frozenset()
    includes: frozenset[str] = frozenset()
    is_staff: bool = False
    checkpoints: bool = True

    @property
    def page_url(self) -> str:
        """The URL of the page of the course."""
        return f"{self.page_origin}/courses/{self.course.id}"
