"""Schemas of live messages, sent over the WebSocket and as server-sent events."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, RootModel

from interfaces.http.schemas.grades import GradeChange
from interfaces.http.schemas.response_model import ResponseModel
from interfaces.http.schemas.syncs import ConnectionSync, Sync


class SnapshotMessage(ResponseModel):
    """The first message: the sync status of every connection."""

    type: Literal["snapshot"]
    """The kind of the message of easeboard."""
    items: list[ConnectionSync]
    """One item for each open connection in easeboard."""
    missed: Literal[True] | None = None
    """There if a stream could not be resumed: messages of easeboard were missed."""
    consistency_token: str
    """The state of easeboard that the items show; send it back to read at least that state."""


class SyncMessage(ResponseModel):
    """A sync after a change: its start, each course, its end."""

    type: Literal["sync"]
    """The kind of the message of easeboard."""
    sync: Sync
    """The sync in easeboard after the change."""
    at: datetime
    """When easeboard recorded the change: RFC 3339 in UTC."""
    consistency_token: str
    """Send it back in the header `Consistency-Token` to read what easeboard tells here."""


class GradeMessage(ResponseModel):
    """A changed score or grade. The first sync of a connection sends none."""

    type: Literal["grade"]
    """The kind of the message of easeboard."""
    change: GradeChange
    """The change that easeboard found in Canvas."""
    consistency_token: str
    """Send it back in the header `Consistency-Token` to read what easeboard tells here."""


class LiveMessage(
    RootModel[Annotated[SnapshotMessage | SyncMessage | GradeMessage, Field(discriminator="type")]]
):
    """A live message; `type` distinguishes the kinds."""
