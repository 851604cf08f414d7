"""Schemas of responses for auditors and admins."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.response_model import ResponseModel
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
    """Id of the request or the sync in easeboard that the event belongs to."""
    causation_id: UUID | None
    """Always null until commands of easeboard record which event caused them."""
    payload: dict[str, Any]
    """What easeboard recorded, without secrets; its members depend on the type."""
    seal: Any = None
    """Always null until the log of easeboard has tamper-evident checkpoints."""


class AuditedConnection(Connection):
    """A connection and the id of its user."""

    user_id: UUID
    """Id of the user in easeboard: the claim `sub` of their token."""


class SyncThen(ResponseModel):
    """The syncs of a connection at an earlier time: the newest run and the courses read so far."""

    version: int
    """Number of events that easeboard had recorded for the syncs."""
    run: Sync | None
    """The newest sync in easeboard; null if there was none."""
    completed_once: bool
    """Whether easeboard had completed a sync."""
    courses: dict[str, Any]
    """What easeboard had last read of each course, by Canvas id."""


class StateThen(ResponseModel):
    """The state of a connection and its syncs at a position of the event log."""

    connection_id: UUID
    """Id of the connection in easeboard."""
    position: int
    """Position in the event log of easeboard that the state includes."""
    version: int
    """Number of events that easeboard had recorded for the connection."""
    connection: Connection | None
    """The connection in easeboard; null if it did not exist yet."""
    sync: SyncThen
    """The syncs of the connection in easeboard."""


class Rebuild(ResponseModel):
    """The progress of a rebuild."""

    state: str
    """`running`, or `interrupted` if the process of easeboard that rebuilt it has stopped."""
    done: int
    """Position in the event log of easeboard up to which it is rebuilt."""
    total: int
    """Position in the event log of easeboard at which the rebuild ends."""
    eta_seconds: float | None
    """Seconds until it ends, estimated by easeboard; null while the rate is unknown."""


class Projection(ResponseModel):
    """A read model: its version, its position, and how far it is behind the event log."""

    name: str
    """Name of the read model in easeboard."""
    version: int
    """Number of the version of its tables in easeboard that answers queries."""
    state: str
    """`live`, or `failing` if easeboard cannot apply events for a reason that is not in them."""
    error: str | None
    """Why it fails, from easeboard; null while it does not. It has no data of events."""
    position: int
    """Position in the event log of easeboard up to which it is current."""
    head: int
    """Last position in the event log of easeboard."""
    lag_events: int
    """Difference of `head` and `position`, computed by easeboard in positions."""
    lag_seconds: float
    """Age in seconds of the oldest event that easeboard has not applied; 0 if there is none."""
    events_per_second: float | None
    """Number of events that easeboard applies in a second, as a moving mean."""
    dead_letters: int
    """Number of events that easeboard has set aside because it cannot apply them."""
    owner: str | None
    """Always null until easeboard records which process applies the events."""
    rebuild: Rebuild | None
    """Progress of the rebuild in easeboard; null if there is none."""


class DeadLetter(ResponseModel):
    """An event that a read model cannot apply; later events of its stream wait for it."""

    id: UUID
    """Id of the event in easeboard."""
    projection: str
    """Name of the read model in easeboard."""
    version: int
    """Number of the version of its tables in easeboard."""
    position: int
    """Position of the event in the event log of easeboard."""
    stream: UUID
    """Id of the stream of the event in easeboard."""
    topic: str
    """Type of the event in easeboard."""
    person_id: UUID
    """Id of the user of easeboard whose data the event has."""
    error: str
    """Why easeboard cannot apply it, without data of the event."""
    waiting: int
    """Number of later events of the same stream, counted by easeboard."""
    parked_at: datetime
    """When easeboard set it aside: RFC 3339 in UTC."""


class RebuildStarted(ResponseModel):
    """A rebuild that was started in the background."""

    name: str
    """Name of the read model in easeboard."""
