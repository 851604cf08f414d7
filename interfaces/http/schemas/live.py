"""Schemas of live messages, sent over the WebSocket and as server-sent events."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from interfaces.http.schemas.data import GradeChange
from interfaces.http.schemas.syncs import ConnectionSync, Sync


class SnapshotMessage(BaseModel):
    """The first message: the sync status of every connection."""

    type: Literal["snapshot"]
    items: list[ConnectionSync]


class SyncMessage(BaseModel):
    """A sync after a change: its start, each course, its end."""

    type: Literal["sync"]
    sync: Sync
    at: datetime


class GradeMessage(BaseModel):
    """A changed score or grade. The first sync of a connection sends none."""

    type: Literal["grade"]
    change: GradeChange


class LiveMessage(
    RootModel[Annotated[SnapshotMessage | SyncMessage | GradeMessage, Field(discriminator="type")]]
):
    """A live message; `type` distinguishes the kinds."""
