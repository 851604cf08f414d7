"""Schemas of the lists for admins: connections, Canvas hosts, runs, processes and the schedule."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.enumerations import SyncActivity, SyncMode, SyncTrigger
from interfaces.http.schemas.response_model import ResponseModel
from interfaces.http.schemas.syncs import Progress, SyncError

OpenConnectionStatus = TypeAliasType(
    "OpenConnectionStatus",
    Annotated[
        Literal["active", "token_rejected"],
        Field(
            description=(
                "- `active`: it is synchronised\n"
                "- `token_rejected`: Canvas rejected its token; it waits for a new one"
            )
        ),
    ],
)
ConnectionCondition = TypeAliasType(
    "ConnectionCondition",
    Annotated[
        Literal["active", "token_rejected", "failing", "partial"],
        Field(
            description=(
                "- `active`: Canvas accepts its token, whether its syncs succeed or not\n"
                "- `token_rejected`: Canvas rejected its token\n"
                "- `failing`: its token was rejected, or its last sync failed\n"
                "- `partial`: some courses could not be read by its last sync"
            )
        ),
    ],
)
CircuitStateName = TypeAliasType(
    "CircuitStateName",
    Annotated[
        Literal["closed", "open", "half_open"],
        Field(
            description=(
                "- `closed`: syncs send requests to the host as usual\n"
                "- `open`: the host did not respond; scheduled syncs send no request\n"
                "- `half_open`: one sync tries whether the host responds again"
            )
        ),
    ],
)
ActiveRunStatus = TypeAliasType(
    "ActiveRunStatus",
    Annotated[
        Literal["queued", "running"],
        Field(description="- `queued`: it waits for a worker\n- `running`: a worker reads Canvas"),
    ],
)
RoleState = TypeAliasType(
    "RoleState",
    Annotated[
        Literal["ok", "missing", "silent"],
        Field(
            description=(
                "- `ok`: every process of the role writes its heartbeat\n"
                "- `missing`: no live process has the role\n"
                "- `silent`: a process of the role writes no heartbeat any longer"
            )
        ),
    ],
)


class AdminConnection(ResponseModel):
    """An open connection, and why its last syncs failed. It names no person."""

    id: UUID
    """Id of the connection in easeboard."""
    user_id: UUID
    """Id of the user in easeboard: the claim `sub` of their token."""
    canvas_url: str
    """Address of the Canvas."""
    host: str
    """Host of the Canvas, with its port if it has one."""
    status: OpenConnectionStatus
    """Status of the connection in easeboard."""
    error: SyncError | None
    """Why easeboard could not read everything last time; null if it could."""
    partial: bool
    """True if easeboard completed the last sync, but could not read some of its courses."""
    failures: int
    """Number of syncs in a row in which easeboard could not read everything."""
    failing_since: datetime | None
    """When the first of them ended in easeboard: RFC 3339 in UTC; null if there is none."""
    last_failed_at: datetime | None
    """When the last of them ended in easeboard: RFC 3339 in UTC; null if there is none."""
    last_failed_sync_id: UUID | None
    """Id of the last of them in easeboard; null if the token was rejected outside a sync."""
    last_synced_at: datetime | None
    """When easeboard last completed a sync: RFC 3339 in UTC; null before the first one."""
    next_sync_at: datetime | None
    """When easeboard starts the next sync: RFC 3339 in UTC; null while the token is rejected."""
    sync: SyncActivity
    """Whether a sync of the connection is queued or running in easeboard."""


class CodeCount(ResponseModel):
    """An error code, and how many connections fail with it."""

    code: str
    """Error code of easeboard, such as `canvas-timeout`."""
    connections: int
    """Number of connections whose last sync in easeboard failed with it."""


class CanvasHost(ResponseModel):
    """A Canvas host, and whether it responds."""

    canvas_url: str
    """Address of the Canvas."""
    host: str
    """Host of the Canvas, with its port if it has one."""
    circuit: CircuitStateName
    """Whether scheduled syncs of easeboard send requests to the host."""
    failures: int
    """Number of syncs of easeboard that failed since the host last responded."""
    openings: int
    """Number of times that easeboard opened the circuit since the host last responded."""
    failing_since: datetime | None
    """First failure of easeboard since the host last responded: RFC 3339 in UTC; null if none."""
    last_failed_at: datetime | None
    """Last failure of easeboard since then: RFC 3339 in UTC; null if there is none."""
    next_try_at: datetime | None
    """After this time a scheduled sync of easeboard tries it: RFC 3339 in UTC; null if closed."""
    connections: int
    """Number of connections of easeboard to this host, counted up to 10,000 of each kind."""
    failing_connections: int
    """Number of those whose last sync in easeboard failed, counted up to 10,000."""
    codes: list[CodeCount]
    """Why the connections of easeboard to this host fail, the most frequent reason first."""
    queued: int
    """Number of syncs at this host that wait for a worker of easeboard."""
    running: int
    """Number of syncs at this host that workers of easeboard execute."""


class ActiveRun(ResponseModel):
    """A sync that is queued or running."""

    id: UUID
    """Id of the sync in easeboard."""
    connection_id: UUID
    """Id of the connection in easeboard."""
    user_id: UUID
    """Id of the user in easeboard: the claim `sub` of their token."""
    canvas_url: str
    """Address of the Canvas."""
    host: str
    """Host of the Canvas, with its port if it has one."""
    trigger: SyncTrigger
    """Why easeboard requested it."""
    mode: SyncMode
    """What easeboard reads in it."""
    status: ActiveRunStatus
    """Status of the sync in easeboard."""
    requested_at: datetime
    """When it was requested in easeboard: RFC 3339 in UTC."""
    started_at: datetime | None
    """When its first attempt started in easeboard: RFC 3339 in UTC; null if none has."""
    courses: Progress
    """How many courses easeboard has read."""
    worker_heartbeat_at: datetime | None
    """Last heartbeat of the worker of easeboard that executes it: RFC 3339 in UTC; null if none."""
    stuck: str | None
    """Why it does not go on in easeboard, and what happens next; null if it goes on."""


class NoticedProblem(ResponseModel):
    """What a process has found wrong with its surroundings."""

    code: str
    """Code of the warning in easeboard."""
    detail: str
    """What easeboard found, and what to do."""
    noticed_at: datetime
    """When easeboard found it: RFC 3339 in UTC."""


class LiveProcess(ResponseModel):
    """A process of easeboard, and when it last wrote its heartbeat."""

    name: str
    """Name of the process in easeboard: machine, process id and start."""
    machine: str
    """Name that easeboard gives to the machine or the container."""
    pid: int | None
    """Number of the process on its machine; null if the name given by easeboard has none."""
    roles: list[str]
    """Roles of the process in easeboard."""
    since: datetime
    """Since when easeboard has heartbeats of it without a pause: RFC 3339 in UTC."""
    heartbeat_at: datetime
    """Its last heartbeat in easeboard: RFC 3339 in UTC."""
    alive: bool
    """Whether easeboard received a heartbeat within the last 10 seconds."""
    read_models: list[str]
    """Names of the read models of easeboard to which it applies events."""
    warnings: list[NoticedProblem]
    """What the process found wrong in the surroundings of easeboard."""


class RoleProcesses(ResponseModel):
    """A role, and the processes that have it."""

    role: str
    """Role in easeboard: `api`, `worker`, `projector` or `scheduler`."""
    state: RoleState
    """Whether the role is filled in easeboard."""
    problem: str | None
    """What is wrong with the role in easeboard, and what to do; null if nothing is."""
    live: int
    """Number of processes of easeboard with this role that are alive."""
    processes: list[LiveProcess]
    """The processes of easeboard with this role; a dead one is listed for a day."""


class ScheduledHour(ResponseModel):
    """The syncs of one Canvas host that are due in one hour."""

    hour: datetime
    """The begin of the hour in the schedule of easeboard: RFC 3339 in UTC."""
    canvas_url: str
    """Address of the Canvas."""
    host: str
    """Host of the Canvas, with its port if it has one."""
    due: int
    """Number of connections whose next sync is due in this hour in easeboard."""
    overdue: int
    """Number of those that are due already in easeboard."""
    expected_syncs: int
    """Number of syncs that easeboard expects in this hour if each of them succeeds."""
    held_until: datetime | None
    """Until when easeboard holds the syncs of the host back: RFC 3339 in UTC; null if it does not.
    """
