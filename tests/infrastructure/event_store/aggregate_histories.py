"""Builds aggregates of test persons that have pending events."""

from uuid import UUID, uuid4

from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.events.sync import Progress
from domain.sync import Sync
from infrastructure.event_store.past_snapshots import keep_if_due
from infrastructure.event_store.snapshots import save_states
from infrastructure.event_store.store import EventStore
from tests.canvas_builders import assignment, course

ORIGIN = "https://canvas.example.edu"
PROGRESS = Progress(total=1, done=1, failed=0)


def new_connection(person_id: UUID, *, name: str = "Ada", origin: str = ORIGIN) -> Connection:
    """Return a connection of a person that is opened and not saved."""
    stream = Connection.id_for(person_id, origin, 1)
    return Connection.new(stream).open(
        person_id=person_id,
        canvas_url=origin,
        canvas_name="Example",
        canvas_user_id="42",
        canvas_user_name=name,
        token_fingerprint="c0ffee00",
    )


def requested_sync(person_id: UUID, *, origin: str = ORIGIN) -> Sync:
    """Return the sync of that connection with a requested run, not saved."""
    connection_id = Connection.id_for(person_id, origin, 1)
    sync = Sync.new(Sync.id_for(connection_id))
    sync.request(
        uuid4(), connection_id=connection_id, person_id=person_id, trigger="setup", mode="full"
    )
    return sync


def start_and_record_course(sync: Sync) -> Sync:
    """Start the queued run and record one course."""
    attempt = sync.start("worker")
    sync.record_course(attempt, course(), [assignment()], PROGRESS)
    return sync


def save_snapshot_of(store: EventStore, aggregate: Aggregate) -> None:
    """Save a snapshot with the state of this aggregate, even if it is not that of the log."""
    state = store._snapshots_of(type(aggregate)).encrypt(aggregate)
    save_states(store._pool, [state])
    keep_if_due(store._pool, state)
