"""Types of path parameters."""

from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator

from domain.person_id import require_person_id

PersonId = Annotated[UUID, AfterValidator(require_person_id)]
"""The id of a user, which may be one of whom nothing is known."""

ConnectionId = Annotated[UUID, Path(description="Id of the connection in easeboard")]
CourseId = Annotated[UUID, Path(description="Id of the course in easeboard")]
AssignmentId = Annotated[UUID, Path(description="Id of the assignment in easeboard")]
GradeChangeId = Annotated[
    UUID, Path(description="Id of the grade change in easeboard, from the grade history")
]
UserId = Annotated[PersonId, Path(description="Id of the user at Supabase")]
ReadModelName = Annotated[str, Path(description="Name of the read model, such as `courses`")]
DeadLetterId = Annotated[UUID, Path(description="Id of the dead letter: that of its event")]
ProblemSlug = Annotated[str, Path(description="Last part of the `type` of a problem")]
CalendarSecret = Annotated[str, Path(description="The secret in the address of the calendar")]
