"""Schemas of the status report for admins: what is wrong, worst first."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.response_model import ResponseModel

Severity = TypeAliasType(
    "Severity",
    Annotated[
        Literal["critical", "warning", "notice"],
        Field(
            description=(
                "- `critical`: people get no data, or old data, until an operator acts\n"
                "- `warning`: some people are concerned, or it becomes critical\n"
                "- `notice`: it needs no operator, but it explains what users see"
            )
        ),
    ],
)
SyncingSwitchState = TypeAliasType(
    "SyncingSwitchState",
    Annotated[
        Literal["on", "off", "copy"],
        Field(
            description=(
                "- `on`: due connections are synchronised\n"
                "- `off`: an operator turned syncing off\n"
                "- `copy`: off, because the database is a copy of another one"
            )
        ),
    ],
)


class StatusFinding(ResponseModel):
    """One thing that is wrong: its reason, its age, and what to do."""

    kind: str
    """What is wrong, as a word of easeboard for programs, such as `host-unreachable`."""
    severity: Severity
    """How bad it is for the users of easeboard."""
    subject: str | None
    """What it concerns in easeboard: a host, an error code, a role, a read model; null if all."""
    reason: str
    """What is wrong, written by easeboard for people."""
    since: datetime | None
    """Since when it is wrong in easeboard: RFC 3339 in UTC; null if that is not known."""
    count: int
    """Number of connections, syncs, events or processes of easeboard that it concerns."""
    action: str
    """What to do, written by easeboard for people."""
    runbook: str
    """Path and heading of the paragraph in the documents of easeboard that explains it."""
    runbook_title: str
    """The heading of this paragraph in the documents of easeboard."""
    target: str
    """Path in the API of easeboard that lists the details."""


class OpenConnectionCounts(ResponseModel):
    """The open connections, and how many of them fail."""

    open: int
    """Number of open connections of easeboard."""
    failing: int
    """Number of those whose last sync in easeboard failed, without rejected tokens."""
    partial: int
    """Number of those of which easeboard could not read some courses."""
    token_rejected: int
    """Number of those that wait in easeboard for a new token."""


class CircuitCounts(ResponseModel):
    """The Canvas hosts that do not respond."""

    failing: int
    """Number of hosts at which the last sync of easeboard got no response, with those below."""
    open: int
    """Number of hosts to which easeboard sends no scheduled syncs."""
    half_open: int
    """Number of hosts that easeboard is trying again."""


class QueueCounts(ResponseModel):
    """The syncs that are queued or running."""

    queued: int
    """Number of syncs that wait for a worker of easeboard."""
    running: int
    """Number of syncs that workers of easeboard execute."""
    oldest_requested_at: datetime | None
    """Request of the oldest queued sync in easeboard: RFC 3339 in UTC; null if there is none."""


class ProcessCounts(ResponseModel):
    """The live processes by role."""

    api: int
    """Number of live processes of easeboard with the role `api`."""
    worker: int
    """Number of live processes of easeboard with the role `worker`."""
    projector: int
    """Number of live processes of easeboard with the role `projector`."""
    scheduler: int
    """Number of live processes of easeboard with the role `scheduler`."""


class ReadModelCounts(ResponseModel):
    """The read models, and how many of them need attention."""

    total: int
    """Number of read models of easeboard."""
    in_step: int
    """Number of those that are live, and at most a minute behind the event log of easeboard."""
    behind: int
    """Number of those that are behind the event log of easeboard by more than a minute."""
    failing: int
    """Number of those to which easeboard cannot apply events."""
    paused: int
    """Number of those that an admin of easeboard has paused."""
    dead_letters: int
    """Number of events that easeboard has set aside."""


class DueHour(ResponseModel):
    """What is due in one hour at all Canvas hosts together."""

    hour: datetime
    """The begin of the hour in the schedule of easeboard: RFC 3339 in UTC."""
    due: int
    """Number of connections whose next sync is due in this hour in easeboard."""
    expected_syncs: int
    """Number of syncs that easeboard expects in this hour if each of them succeeds."""


class DueCounts(ResponseModel):
    """What is due in the next 24 hours."""

    connections: int
    """Number of connections whose next sync is due in easeboard within 24 hours."""
    overdue: int
    """Number of those that are due already in easeboard."""
    expected_syncs: int
    """Number of syncs that easeboard expects within 24 hours if each of them succeeds."""
    by_hour: list[DueHour]
    """The same by hour, in the schedule of easeboard."""


class AdminStatus(ResponseModel):
    """What is wrong, worst first, and how much there is to do."""

    at: datetime
    """When easeboard examined the installation: RFC 3339 in UTC."""
    syncing: SyncingSwitchState
    """Whether easeboard contacts Canvas."""
    findings: list[StatusFinding]
    """What is wrong in easeboard, worst first, at most 100 entries; empty if nothing is."""
    connections: OpenConnectionCounts
    """The open connections of easeboard."""
    hosts: CircuitCounts
    """The Canvas hosts that do not respond to easeboard."""
    queue: QueueCounts
    """The queue of easeboard."""
    processes: ProcessCounts
    """The live processes of easeboard."""
    read_models: ReadModelCounts
    """The read models of easeboard."""
    due_next_24h: DueCounts
    """What is due in easeboard."""
