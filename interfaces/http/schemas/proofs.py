"""Schemas of signed checkpoints and of the verification of the log."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.audit import EventStream
from interfaces.http.schemas.response_model import ResponseModel

VerificationResult = TypeAliasType(
    "VerificationResult",
    Annotated[
        Literal["ok", "problems", "nothing sealed"],
        Field(
            description=(
                "The result of a verification of the log:\n"
                "- `ok`: every verified row is as it was sealed\n"
                "- `problems`: there are differences\n"
                "- `nothing sealed`: there is no signed checkpoint yet"
            )
        ),
    ],
)


class SignedCheckpoint(ResponseModel):
    """The tree over the event log at one size, signed by the log."""

    size: int
    """Number of events in the tree of easeboard's log."""
    last_position: int
    """Position in the event log of easeboard of the last event in the tree."""
    root: str
    """Root of the tree of easeboard's log: 32 bytes in base64."""
    sealed_at: datetime
    """When easeboard signed it: RFC 3339 in UTC. Only cosignatures prove a time."""
    note: str
    """The C2SP signed note: the checkpoint, with signatures of easeboard's log and of witnesses."""
    cosigners: list[str]
    """Names of the witnesses of easeboard's log that have signed it too."""


class LogProblem(ResponseModel):
    """A difference between the event log and what was sealed."""

    kind: str
    """What differs, in a word of easeboard for programs, such as `row missing`."""
    detail: str
    """What differs and where, written by easeboard for people."""
    position: int | None
    """Position in the event log of easeboard; null if the difference is not one of a row."""
    index: int | None
    """Number of the event in the tree of easeboard's log, from 0; null for a row not in it."""
    fields: list[str]
    """Columns of the row that differ; empty if easeboard has only the hash of the sealed row."""
    size: int | None
    """Number of events in the tree of the checkpoint of easeboard that differs; else null."""
    event_id: UUID | None
    """Id of the event in easeboard; null if it is not known."""


class VerifiedRange(ResponseModel):
    """Rows that were read again, by their place in the tree."""

    from_size: int
    """Number of events in easeboard's tree before them."""
    to_size: int
    """Number of events in easeboard's tree up to their end."""


class VerificationReport(ResponseModel):
    """The result of a verification of the event log."""

    result: VerificationResult
    """Whether easeboard found a difference."""
    log: str | None
    """Name (C2SP origin) of the log of easeboard; null before the first checkpoint."""
    keys: list[str]
    """The keys (C2SP vkeys) with which easeboard checked signatures."""
    from_size: int
    """Number of events in the tree that this process of easeboard had verified before."""
    to_size: int
    """Number of events in the tree up to which rows were verified by easeboard."""
    last_position: int
    """Position in the event log of easeboard of the last verified row."""
    root: str
    """Root of the tree that easeboard verified: 32 bytes in base64."""
    complete: bool
    """Whether that is the newest checkpoint of easeboard; if not, the next request goes on."""
    events: int
    """Number of rows that easeboard read and hashed."""
    unsealed_events: int
    """Number of rows of easeboard's log that are newer than the newest checkpoint."""
    checkpoints: int
    """Number of signed checkpoints that easeboard compared with the rows."""
    compared_with: list[str]
    """The copies of the hashes with which easeboard compared the rows."""
    problems: list[LogProblem]
    """What easeboard found, at most 100 differences."""
    problem_count: int
    """Number of all differences that easeboard found."""
    checked_at: datetime
    """When easeboard ended the verification: RFC 3339 in UTC."""
    seconds: float
    """How long it took easeboard, in seconds."""
    verified_again: VerifiedRange | None
    """Rows that easeboard had verified before and read once more; null if there was no need."""


class EventOpening(ResponseModel):
    """What shows the content of one event without the key of its person."""

    salt: str
    """16 random bytes in base64, which easeboard stored encrypted with the content."""
    plaintext: str
    """The content as easeboard recorded it: a JSON text."""


class ExportedEvent(ResponseModel):
    """The line of an event in an export; `docs/audit-export.md` describes all lines."""

    line: Literal["event"]
    """What easeboard calls this kind of line; the first one is a `header`, the last a `summary`."""
    position: int
    """Position of the event in the event log of easeboard."""
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
    """Id in easeboard of the request that the event goes back to."""
    causation_id: UUID | None
    """Id of the event in easeboard that caused it."""
    payload: dict[str, Any]
    """What easeboard recorded; `{"redacted": true}` if the person is erased."""
    index: int
    """Number of the event in the tree of easeboard's log, from 0."""
    path: list[str]
    """The inclusion proof: hashes of easeboard's tree in base64, the lowest first."""
    entry: str
    """The entry of the event in easeboard's tree, in base64."""
    state: str
    """The bytes that easeboard stored, in base64: encrypted, if they are about a person."""
    opening: EventOpening | None
    """What opens `state` without a key; null in easeboard if there is none, or after an erasure."""
