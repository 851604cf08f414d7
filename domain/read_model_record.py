"""The record of the comparisons of a read model with the event log."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.read_model import ReadModelSampleDiffered, ReadModelVerified


class ReadModelRecord(Aggregate):
    """The comparisons of one read model; they are about no person."""

    APPEND_ONLY = True

    result: str
    """What the last comparison found."""

    @classmethod
    def id_for(cls, projection: str) -> UUID:
        """Return the stream of a read model."""
        return uuid5(NAMESPACE_URL, f"easeboard:projections/{projection}/verifications")

    def verify(self, **fields: Any) -> None:
        """Record a comparison; the parameters are the fields of ReadModelVerified."""
        self.trigger_event(ReadModelVerified, **fields)

    def report_sample(self, **fields: Any) -> None:
        """Record a difference; the parameters are the fields of ReadModelSampleDiffered."""
        self.trigger_event(ReadModelSampleDiffered, **fields)

    def evolve(self, event: Event) -> None:
        """Apply an event to the state: the result of the last comparison.

        The log has a person for every event; here it is the stream, which is no person.
        """
        self.person_id = self.id
        match event:
            case ReadModelVerified():
                self.result = event.result
            case ReadModelSampleDiffered():
                self.result = "different"
