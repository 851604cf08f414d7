"""Schemas of responses for auditors."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.enumerations import AuditedConnectionStatus
from interfaces.http.schemas.response_model import ResponseModel
from interfaces.http.schemas.seal import Seal
from interfaces.http.schemas.syncs import Sync

EventStream = TypeAliasType(
    "EventStream",
    Annotated[
        Literal["connection", "sync", "readings"],
        Field(
            description=(
                "The stream of a connection that an event belongs to:\n"
                "- `connection`: the connection itself\n"
                "- `sync`: its syncs\n"
                "- `readings`: who read its history"
            )
        ),
    ],
)
EventOrder = TypeAliasType(
    "EventOrder",
    Annotated[
        Literal["position", "-position"],
        Field(
            description="The oldest event first, or with a leading `-` the newest.",
            json_schema_extra={"x-enum-varnames": ["POSITION", "POSITION_DESCENDING"]},
        ),
    ],
)


class AuditedEvent(ResponseModel):
    """A recorded event. The payload of an erased person is `{"redacted": true}`.

    It is `{"unreadable": reason}` if easeboard cannot decrypt or decode the event.
    """

    position: int
    """Place of the event in the event log of easeboard; positions grow, with gaps."""
    event_id: UUID
    """Id of the event in easeboard."""
    stream: EventStream
    """The stream in easeboard that the event belongs to."""
    version: int
    """Number of the event in its stream, counted by easeboard from 1 without gaps."""
    type: str
    """Name of the event in easeboard, such as `GradeChanged`."""
    recorded_at: datetime
    """When easeboard recorded the event: RFC 3339 in UTC."""
    actor: str
    """Who caused it in easeboard: the id of a user, or the role of a process."""
    correlation_id: str | None
    """Id of the request that the event goes back to; all events of a sync have one.

    It is the X-Request-ID of a request over HTTP, or an id that easeboard made, such as `cli-…` and
    `scheduler-…`. Events of releases before 0.2 have none or another one.
    """
    causation_id: UUID | None
    """Id of the event in easeboard that caused it, with the same correlation.

    A sync is caused by its request, a course by the start of its sync, and a change by its course.
    Null if the request itself caused it, and in events of releases before 0.2.
    """
    payload: dict[str, Any]
    """What easeboard recorded, without secrets; its members depend on the type."""
    sentence: str
    """The event in a sentence of easeboard for people, with the names in Canvas of that time."""
    seal: Seal | None
    """Where it is in a signed checkpoint of easeboard; null until one covers it."""


class AuditedConnection(Connection):
    """A connection and the id of its user. If the user is erased, its texts are empty."""

    status: AuditedConnectionStatus  # type: ignore[assignment]  # one value more than for its user
    """Status of the connection in easeboard."""
    token_rotated_at: datetime | None  # type: ignore[assignment]  # of an erased user, null
    """When easeboard stored the token: RFC 3339 in UTC; null if the user is erased."""
    created_at: datetime | None  # type: ignore[assignment]  # of an erased user, null
    """When the connection was set up in easeboard: RFC 3339 in UTC; null if the user is erased."""
    user_id: UUID | None
    """Id of the user in easeboard: the claim `sub` of their token; null if the user is erased."""


CoursesThen = TypeAliasType(
    "CoursesThen",
    Annotated[
        dict[str, Any],
        Field(description="What easeboard had last read of each course, by Canvas id."),
    ],
)


class SyncThen(ResponseModel):
    """The syncs of a connection at an earlier time: the newest run and the courses read so far."""

    version: int
    """Number of events that easeboard had recorded for the syncs."""
    run: Sync | None
    """The newest sync in easeboard; null if there was none."""
    completed_once: bool | None
    """Whether easeboard had completed a sync; null if the person is erased."""
    courses: CoursesThen | None
    """What easeboard had last read of each course, by Canvas id; null if the person is erased."""


class StateThen(ResponseModel):
    """The state of a connection and its syncs at a position of the event log.

    Of an erased person only the versions are left, and `redacted` is true.
    """

    connection_id: UUID
    """Id of the connection in easeboard."""
    position: int
    """Position in the event log of easeboard that the state includes."""
    version: int
    """Number of events that easeboard had recorded for the connection."""
    redacted: bool
    """Whether easeboard has erased the person, so that no state can be shown."""
    connection: Connection | None
    """The connection in easeboard; null if it did not exist yet, or if its person is erased."""
    sync: SyncThen
    """The syncs of the connection in easeboard."""
