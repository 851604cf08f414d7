"""Schemas of responses about the read models, for admins."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.response_model import ResponseModel


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


class Verified(ResponseModel):
    """The last verification of a version: its rows were compared with a new fold of the log."""

    at: datetime
    """When easeboard compared them: RFC 3339 in UTC."""
    position: int
    """Position in the event log of easeboard at which they were compared."""
    digest: str
    """A hash of all rows of easeboard's read model at this position."""
    result: str
    """`ok`, or `different` if the rows are not those of the event log of easeboard."""


class Projection(ResponseModel):
    """A read model: its version, its position, and how far it is behind the event log."""

    name: str
    """Name of the read model in easeboard."""
    version: int
    """Number of the version of its tables in easeboard that answers queries."""
    state: str
    """The state of the read model in easeboard:
    - `live`: it applies events
    - `failing`: it cannot apply events, for a reason that is not in them
    - `paused`: an admin has paused it
    """
    error: str | None
    """Every reason of easeboard why something is not as it should be; null if there is none.

    It has no data of events.
    """
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
    """Name of the process of easeboard that applies the events; null while there is none."""
    verified: Verified | None
    """The last verification of this version in easeboard; null before the first one."""
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


class DeadLetterOutcome(ResponseModel):
    """What became of a dead letter that was retried or skipped."""

    id: UUID
    """Id of the event in easeboard."""
    projection: str
    """Name of the read model in easeboard."""
    result: str
    """`applied`, `skipped`, or `kept` if easeboard could not apply the event again."""
    error: str | None
    """Why easeboard kept it, without data of the event; null if it did not."""


class ProjectionAccepted(ResponseModel):
    """Work on a read model that was done or started in the background."""

    name: str
    """Name of the read model in easeboard."""
