"""How a run may end, as our own aggregate records it."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from domain.circuit_breaker import answered
from domain.event import Event
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt

SOMEBODY = UUID(int=1)
NONE = Requests(total=0, not_modified=0, retried=0)


class End(NamedTuple):
    """The last event of a run, and whether it shows that the host answers."""

    event: Event
    answered: bool | None


def _ended(end: Callable[[Sync, Attempt], None]) -> End:
    sync = Sync.unborn(Sync.id_for(SOMEBODY))
    sync.request(
        SOMEBODY, connection_id=SOMEBODY, person_id=SOMEBODY, trigger="schedule", mode="full"
    )
    end(sync, sync.start("worker"))
    event = sync.pending_events[-1]
    if sync.run is None or not isinstance(event, Event):
        raise AssertionError("A run ends with an event.")
    return End(event, answered(sync.run))


COMPLETED = _ended(lambda sync, at: sync.complete(at, Progress(total=1, done=1, failed=0), NONE))
SILENT = _ended(lambda sync, at: sync.fail(at, "canvas-timeout", "", NONE))
GIVEN_UP = _ended(lambda sync, at: sync.give_up(at, "lost"))
