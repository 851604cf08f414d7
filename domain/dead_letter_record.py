"""The record of what administrators do with the dead letters of a read model."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.dead_letter import DeadLetterRetried, DeadLetterSkipped


class DeadLetterRecord(Aggregate):
    """The retries and skips of one read model; one stream for each, which has many people."""

    APPEND_ONLY = True

    @classmethod
    def id_for(cls, projection: str) -> UUID:
        """Return the stream of a read model."""
        return uuid5(NAMESPACE_URL, f"easeboard:projections/{projection}/dead-letters")

    def retry(self, **fields: Any) -> None:
        """Record a retry; the parameters are the fields of DeadLetterRetried."""
        self.trigger_event(DeadLetterRetried, **fields)

    def skip(self, **fields: Any) -> None:
        """Record a skip; the parameters are the fields of DeadLetterSkipped."""
        self.trigger_event(DeadLetterSkipped, **fields)

    def evolve(self, event: Event) -> None:
        """Apply an event to the state: the person of the last one."""
        if isinstance(event, DeadLetterRetried | DeadLetterSkipped):
            self.person_id = event.person_id
