"""The decisions that the commands of the state machine make: what may come next, or nothing."""

from uuid import UUID, uuid4

from domain.connection import Connection
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from tests.canvas_builders import course

ORIGIN = "https://canvas.example.edu"
PROGRESS = Progress(total=1, done=1, failed=0)
REQUESTS = Requests(total=1, not_modified=0, retried=0)


def open_connection(connection: Connection, sync: Sync, person: UUID) -> None:
    """Open a new connection, and request its first run."""
    if connection.exists:
        return
    connection.open(
        person_id=person,
        canvas_url=ORIGIN,
        canvas_name="Example",
        canvas_user_id="42",
        canvas_user_name="Ada",
        token_fingerprint=uuid4().hex[:8],
    )
    _request(connection, sync, person, "setup")


def rotate_token(connection: Connection) -> None:
    """Replace the token of an active connection."""
    if connection.status == "active":
        connection.rotate_token("42", uuid4().hex[:8])


def advance_run(connection: Connection, sync: Sync, person: UUID, score: float) -> None:
    """Request a run, start it, let it find a total, or complete it: what comes next."""
    if connection.status != "active":
        return
    run = sync.active_run
    if run is None:
        _request(connection, sync, person, "manual")
    elif run["status"] == "queued":
        sync.start("worker")
    elif (attempt := sync.attempt) and run["courses"]["done"] == 0:
        sync.record_course(attempt, course(current_score=score), [], PROGRESS)
    elif attempt:
        sync.complete(attempt, PROGRESS, REQUESTS)


def _request(connection: Connection, sync: Sync, person: UUID, trigger: str) -> None:
    sync.request(
        uuid4(), connection_id=connection.id, person_id=person, trigger=trigger, mode="full"
    )
