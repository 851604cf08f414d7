"""The ways in which a simulated run ends, as the `Sync` aggregate records them."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from domain.circuit_breaker import host_responded
from domain.event import Event
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt

ANY_ID = UUID(int=1)
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


class Outcome(NamedTuple):
    """The events of a scheduled run; `host_responded` is None if it shows nothing about the host.

    `is_held_back` if it sent no request because its host did not respond to others.
    """

    events: tuple[Event, ...]
    host_responded: bool | None
    is_held_back: bool = False

    @property
    def event(self) -> Event:
        """The last event of the run."""
        return self.events[-1]


def _record_outcome(end_run: Callable[[Sync, Attempt], None]) -> Outcome:
    sync = Sync.new(Sync.id_for(ANY_ID))
    sync.request(ANY_ID, connection_id=ANY_ID, person_id=ANY_ID, trigger="schedule", mode="full")
    end_run(sync, sync.start("worker"))
    events = tuple(event for event in sync.pending_events if isinstance(event, Event))
    if sync.run is None or not events:
        raise AssertionError("The run has no events.")
    return Outcome(events, host_responded(sync.run))


def _fail(code: str) -> Callable[[Sync, Attempt], None]:
    return lambda sync, at: sync.fail(at, code, "", NO_REQUESTS)


COMPLETED = _record_outcome(
    lambda sync, at: sync.complete(at, Progress(total=1, done=1, failed=0), NO_REQUESTS)
)
TIMED_OUT = _record_outcome(_fail("canvas-timeout"))
UNREACHABLE = _record_outcome(_fail("canvas-unreachable"))
HELD_BACK = UNREACHABLE._replace(host_responded=None, is_held_back=True)
TOKEN_REJECTED = _record_outcome(_fail("canvas-token-rejected"))
GIVEN_UP = _record_outcome(lambda sync, at: sync.give_up(at, "lost"))
