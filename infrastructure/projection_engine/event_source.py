"""The log as the engine sees it; infrastructure.event_store.log_reader has the real one."""

from collections.abc import Sequence
from typing import Protocol

from domain.recorded_event import Recorded


class Batch(Protocol):
    """Events in order, and the position up to which there are no others."""

    @property
    def events(self) -> Sequence[Recorded]:
        """The events."""

    @property
    def upto(self) -> int:
        """The last position looked at."""


class Log(Protocol):
    """Events in one order for everybody."""

    def safe(self) -> int:
        """The position up to which nothing can appear any more."""

    def read(self, after: int, upto: int, topics: Sequence[str], limit: int) -> Batch:
        """Events of these topics with after < position <= upto, at most `limit`."""
