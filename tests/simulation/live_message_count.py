"""Counts the live messages that people receive about simulated runs, as the service builds them."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from domain.event import Event
from domain.recorded_event import RecordedEvent
from interfaces.live.messages import MessageBuilder
from tests.simulation.outcomes import ANY_ID, Outcome

ANY_TIME = datetime(2026, 9, 1, tzinfo=UTC)
ANY_TIMELINE = 1


class LiveMessageCount:
    """The messages about failed runs that each person received, by connection."""

    def __init__(self) -> None:
        self.failures: Counter[int] = Counter()
        self._last_events: dict[int, list[RecordedEvent]] = {}
        self._loaded: list[RecordedEvent] = []
        self._builder = MessageBuilder(self._load_last_run)

    def add(self, connection: int, outcome: Outcome) -> None:
        """Build the messages of a scheduled run that has ended."""
        self._loaded = self._last_events.get(connection, [])
        events = [_record(event) for event in outcome.events]
        built = [self._builder.build(event, ANY_TIMELINE) for event in events]
        messages = [message.text for message in built if message]
        self.failures[connection] += sum('"status":"failed"' in text for text in messages)
        self._last_events[connection] = events

    def _load_last_run(self, _: UUID, __: int) -> list[RecordedEvent]:
        return self._loaded


def _record(event: Event) -> RecordedEvent:
    return RecordedEvent(event, 1, ANY_TIME, ANY_ID, ANY_ID)
