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
    """The last event of a run; `host_responded` is None if it shows nothing about the host."""

    event: Event
    host_responded: bool | None


def _record_outcome(end_run: Callable[[Sync, Attempt], None]) -> Outcome:
    sync = Sync.new(Sync.id_for(ANY_ID))
    sync.request(ANY_ID, connection_id=ANY_ID, person_id=ANY_ID, trigger="schedule", mode="full")
    end_run(sync, sync.start("worker"))
    event = sync.pending_events[-1]
    if sync.run is None or not isinstance(event, Event):
        raise AssertionError("The run has no last event.")
    return Outcome(event, host_responded(sync.run))


COMPLETED = _record_outcome(
    lambda sync, at: sync.complete(at, Progress(total=1, done=1, failed=0), NO_REQUESTS)
)
TIMED_OUT = _record_outcome(lambda sync, at: sync.fail(at, "canvas-timeout", "", NO_REQUESTS))
GIVEN_UP = _record_outcome(lambda sync, at: sync.give_up(at, "lost"))
