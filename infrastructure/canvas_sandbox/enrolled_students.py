"""The students of the sandbox, and their enrollments in courses."""

from collections.abc import Iterable
from dataclasses import dataclass

from infrastructure.canvas_sandbox.model import Person

ROLE_IDS = {"student": 3, "teacher": 4, "ta": 5, "designer": 6, "observer": 7}
"""Canvas's ids of the roles."""
STAFF_ROLES = frozenset({"teacher", "ta", "designer"})
"""Roles that see drafts, and whose access does not end with the views of students."""
ENROLLMENT_STATES = (
    "active",
    "invited",
    "creation_pending",
    "completed",
    "inactive",
    "deleted",
    "rejected",
)
SECTION_ID_STEP = 500_000


@dataclass(slots=True)
class Enrollment:
    """One enrollment of a student in one section of a course.

    `state` is its workflow state, whatever the dates are. With both `starts` and `ends`, they
    replace the dates of section, course and term. `override_score` is a final grade that a
    teacher entered. `observed_id` is the Canvas user whom an observer observes.
    """

    id: int
    role: str = "student"
    section: int = 0
    state: str = "active"
    starts: int | None = None
    ends: int | None = None
    override_score: float | None = None
    observed_id: int | None = None

    @property
    def type(self) -> str:
        """The class of the enrollment in Canvas: `TaEnrollment`."""
        return f"{self.role.capitalize()}Enrollment"

    @property
    def is_staff(self) -> bool:
        """Whether it is an enrollment of staff."""
        return self.role in STAFF_ROLES


@dataclass(slots=True)
class Seat:
    """The enrollments of a student in one course, and the student's settings for it."""

    enrollments: list[Enrollment]
    nickname: str | None = None
    favorite: bool = False
    last_activity_at: int | None = None
    activity_time: int = 0

    @property
    def present(self) -> bool:
        """Whether there is an enrollment that Canvas has not deleted."""
        return any(item.state not in {"deleted", "rejected"} for item in self.enrollments)

    @property
    def has_work(self) -> bool:
        """Whether Canvas has submissions of the student in the course."""
        return any(item.role == "student" for item in self.enrollments)

    def selected(self, section: int | None) -> Iterable[Enrollment]:
        """The enrollments in one section, or all.

        Raises: LookupError if there is none.
        """
        found = [item for item in self.enrollments if section in (None, item.section)]
        if not found:
            raise LookupError(f"no enrollment in section {section}")
        return found


@dataclass(slots=True)
class Student:
    """A user of the sandbox, who may have other roles than student in some courses.

    Operations use the `index`. `revision` counts changes to the work and enrollments.
    """

    index: int
    person: Person
    seats: dict[int, Seat]
    revision: int = 0
