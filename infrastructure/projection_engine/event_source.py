"""The log as the engine sees it; infrastructure.event_store.log_reader has the real one."""

from collections.abc import Sequence
from typing import Protocol

from domain.recorded_event import RecordedEvent


class EventBatch(Protocol):
    """Events in order, and the position up to which there are no others."""

    @property
    def events(self) -> Sequence[RecordedEvent]:
        """The events."""

    @property
    def up_to(self) -> int:
        """The last position looked at."""


class EventSource(Protocol):
    """Events in one order for everybody."""

    def high_water_mark(self) -> int:
        """The position up to which nothing can appear any more."""

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventBatch:
        """Events of these topics with after < position <= up_to, at most `limit`."""
