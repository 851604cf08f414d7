"""Schemas of what a student saw at an earlier time, and of what changed between two times."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.connections import CanvasUser
from interfaces.http.schemas.dashboard import Stats
from interfaces.http.schemas.data import Assignment, Course
from interfaces.http.schemas.enumerations import ConnectionStatus
from interfaces.http.schemas.grades import Grade
from interfaces.http.schemas.response_model import ResponseModel

ChangeKind = TypeAliasType(
    "ChangeKind",
    Annotated[
        Literal[
            "connection_opened",
            "token_replaced",
            "token_rejected",
            "connection_closed",
            "sync_failed",
            "course_added",
            "course_withdrawn",
            "course_state_changed",
            "course_renamed",
            "total_changed",
            "assignment_added",
            "assignment_removed",
            "assignment_renamed",
            "due_date_changed",
            "points_changed",
            "grade_changed",
            "submission_changed",
        ],
        Field(
            description=(
                "What changed; `before` and `after` depend on it:\n"
                "- `connection_opened`, `token_replaced`, `token_rejected`, `connection_closed`,"
                " `sync_failed`: events of the connection; both are null\n"
                "- `course_added`: `after` has its state and the numbers of its assignments; these"
                " are no items of their own\n"
                "- `course_withdrawn`, `course_state_changed`: the states\n"
                "- `course_renamed`, `assignment_renamed`: the names\n"
                "- `total_changed`: `{score, grade}` of the course, the score in percent\n"
                "- `assignment_added`, `assignment_removed`: `{due_at, points_possible}`\n"
                "- `due_date_changed`: the dates; `points_changed`: the points\n"
                "- `grade_changed`: `{score, grade}`, the score in points; null if none is shown\n"
                "- `submission_changed`: what differs besides the grade"
            )
        ),
    ],
)


class ConnectionThen(ResponseModel):
    """A connection at an earlier time."""

    id: UUID
    """Id of the connection in easeboard."""
    canvas_url: str
    """Origin of the Canvas: scheme and host, as easeboard uses it."""
    canvas_name: str
    """Name that the user chose in easeboard for this Canvas."""
    canvas_user: CanvasUser
    """The Canvas user whose token the connection had."""
    status: ConnectionStatus
    """Status of the connection in easeboard then."""
    token_fingerprint: str
    """8 hex digits that easeboard computes with a key: different for two Canvas tokens."""
    token_rotated_at: datetime
    """When easeboard had stored the token: RFC 3339 in UTC."""
    last_validated_at: datetime | None
    """When Canvas had last accepted the token in a check by easeboard: RFC 3339 in UTC."""
    last_synced_at: datetime | None
    """When easeboard had last completed a sync: RFC 3339 in UTC; null before the first."""
    created_at: datetime
    """When the connection was set up in easeboard: RFC 3339 in UTC."""
    version: int
    """Number of events that easeboard had recorded for the connection."""


class EventLeftOut(ResponseModel):
    """An event that is not in the view, because a read model cannot apply it."""

    position: int
    """Position of the event in the event log of easeboard."""
    type: str
    """Name of the event in easeboard."""
    read_models: list[str]
    """Names of the read models of easeboard that lack it, and the later ones of its stream."""
    reason: str
    """Why, written by easeboard without data of the event."""


class ViewThen(ResponseModel):
    """What the student saw of one connection, as their own requests were answered then.

    Of an erased person everything is empty, and `redacted` is true.
    """

    connection_id: UUID
    """Id of the connection in easeboard."""
    as_of: datetime
    """The time of the view, as easeboard understood it: RFC 3339 in UTC; never later than now."""
    position: int
    """Position in the event log of easeboard up to which events count."""
    redacted: bool
    """Whether easeboard has erased the person, so that nothing can be shown."""
    connection: ConnectionThen | None
    """The connection in easeboard; null before it was opened, and if the person is erased."""
    left_out: list[EventLeftOut]
    """Events that easeboard cannot apply, so the view lacks them; in most cases empty."""
    courses: list[Course]
    """What easeboard listed as courses then; empty after the connection was closed."""
    assignments: list[Assignment]
    """What easeboard listed as assignments then, with the status and the lock of that time."""
    grades: list[Grade]
    """What easeboard listed as grades then."""
    dashboard: Stats | None
    """The dashboard of easeboard then. It counts this connection only; null if redacted."""


class NamedThing(ResponseModel):
    """A course or an assignment that a change is about."""

    id: UUID
    """Id in easeboard."""
    canvas_id: str
    """Canvas id."""
    name: str | None
    """Name in Canvas."""


class ViewChange(ResponseModel):
    """A difference between what the student saw at two times."""

    at: datetime | None
    """When easeboard recorded the event that caused it: RFC 3339 in UTC; null if unknown."""
    position: int | None
    """Position of this event in the event log of easeboard."""
    sync_id: UUID | None
    """Id in easeboard of the sync that found it; null if none did."""
    kind: ChangeKind
    """What changed, in a word of easeboard for programs."""
    sentence: str
    """What changed, in a sentence of easeboard for people, with names from Canvas."""
    course: NamedThing | None
    """The course in Canvas; null if the change is about the connection."""
    assignment: NamedThing | None
    """The assignment in Canvas; null if the change is not about one."""
    before: Any
    """The value that easeboard showed at the first time; null if there was none."""
    after: Any
    """The value that easeboard showed at the second time; null if there was none."""


class ViewDiff(ResponseModel):
    """What changed between two times of what the student saw of one connection.

    An item compares both times: what changed and changed back between them is none. What the clock
    alone changes, such as that an assignment is overdue, is none either.
    """

    connection_id: UUID
    """Id of the connection in easeboard."""
    from_: datetime = Field(alias="from")
    """The first time, as easeboard understood it: RFC 3339 in UTC."""
    to: datetime
    """The second time, as easeboard understood it: RFC 3339 in UTC."""
    from_position: int
    """Position in the event log of easeboard of the first view."""
    to_position: int
    """Position in the event log of easeboard of the second view."""
    redacted: bool
    """Whether easeboard has erased the person, so that nothing can be shown."""
    left_out: list[EventLeftOut]
    """Events that easeboard cannot apply, so the second view lacks them."""
    items: list[ViewChange]
    """The changes in the order of the event log of easeboard."""
