"""The shapes of what is told over the WebSocket and as server-sent events."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from interfaces.http.schemas.data import GradeChange
from interfaces.http.schemas.syncs import ConnectionSync, Sync


class SnapshotMessage(BaseModel):
    """Where every sync stands: the first message."""

    type: Literal["snapshot"]
    items: list[ConnectionSync]


class SyncMessage(BaseModel):
    """A sync as it stands after a change: its start, each course, its end."""

    type: Literal["sync"]
    sync: Sync
    at: datetime


class GradeMessage(BaseModel):
    """A sync after the first one found a score or grade to differ."""

    type: Literal["grade"]
    change: GradeChange


class LiveMessage(
    RootModel[Annotated[SnapshotMessage | SyncMessage | GradeMessage, Field(discriminator="type")]]
):
    """One message; told apart by `type`."""
