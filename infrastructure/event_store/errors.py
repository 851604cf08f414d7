"""Errors of stored events, and descriptions of errors that contain no event data."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from application.ports import StreamUnreadable
from infrastructure.event_store.encryption import DecryptionFailed


class MixedPersons(ValueError):
    """The events of one save are about several people, or about no person."""


class UnknownForm(ValueError):
    """An event or snapshot has a form that this program does not know, such as a newer one."""


@dataclass(unsafe_hash=True)
class EventUnreadable(StreamUnreadable):
    """A stored event cannot be decrypted or decoded; other events are not affected.

    `position` is 0 if the row has no position, as in a store in memory.
    """

    position: int
    stream: UUID
    version: int
    topic: str
    reason: str

    def __str__(self) -> str:
        return (
            f"Event {self.position} ({self.topic}, version {self.version} of stream "
            f"{self.stream}) is unreadable: {self.reason}."
        )


def describe_error(error: BaseException) -> str:
    """Return type, SQLSTATE and place of an error, but not its text, which may have event data."""
    if isinstance(error, EventUnreadable):
        text = f"EventUnreadable at position {error.position} ({error.topic})"
        return f"{text}: {_describe_cause(error.__cause__)}" if error.__cause__ else text
    name = type(error).__name__
    if isinstance(error, psycopg.Error) and error.sqlstate:
        name += f" ({error.sqlstate})"
    frames = traceback.extract_tb(error.__traceback__)
    own_frames = [frame for frame in frames if "site-packages" not in frame.filename]
    if not own_frames:
        return name
    where = "/".join(Path(own_frames[-1].filename).parts[-2:])
    return f"{name} in {where}, line {own_frames[-1].lineno}, {own_frames[-1].name}"


def _describe_cause(cause: BaseException) -> str:
    """Describe why an event is unreadable; only our own texts are known to have no event data."""
    return (
        str(cause) if isinstance(cause, DecryptionFailed | UnknownForm) else describe_error(cause)
    )
