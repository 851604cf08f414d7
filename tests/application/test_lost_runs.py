"""What happens to a run whose worker died or gave it up, or that has no job."""

from uuid import UUID

import pytest

from application.recover_sync import RecoverSync, recover_sync
from application.requeue_sync import RequeueSync, requeue_sync
from domain.errors import SyncAlreadyRunning
from tests.application.conftest import Application
from tests.fakes import InMemoryQueue


async def start_run(app: Application, worker: str = "dead-worker") -> UUID:
    """Set up a connection and start its run with this worker; return its id."""
    connection_id = await app.set_up()
    app.queue = InMemoryQueue()
    sync = await app.sync(connection_id)
    sync.start(worker)
    await app.store.save(sync)
    return connection_id


async def test_the_next_request_fails_a_run_whose_only_worker_died(
    app: Application,
) -> None:
    connection_id = await start_run(app)
    app.queue.worker_statuses["dead-worker"] = "gone"
    before = await app.last_run(connection_id)
    await app.request(connection_id)
    after = await app.last_run(connection_id)
    assert (after["status"], after["id"] != before["id"]) == ("queued", True)
    assert app.queue.queued == app.queue.released == [connection_id]


async def test_the_next_request_requeues_a_lost_run_while_another_worker_lives(
    app: Application,
) -> None:
    connection_id = await start_run(app)
    app.queue.worker_statuses["dead-worker"] = "lost"
    before = await app.last_run(connection_id)
    with pytest.raises(SyncAlreadyRunning, match=before["id"]):
        await app.request(connection_id)
    after = await app.last_run(connection_id)
    assert (after["status"], after["id"]) == ("queued", before["id"])
    assert app.queue.queued == app.queue.released == [connection_id]
    await app.run_next("another-worker")
    assert (await app.last_run(connection_id))["status"] == "completed"


async def test_recovery_fails_a_run_whose_worker_died(app: Application) -> None:
    connection_id = await start_run(app)
    command = RecoverSync(connection_id=connection_id)
    await recover_sync(command, store=app.store, queue=app.queue)
    assert (await app.last_run(connection_id))["status"] == "running"
    app.queue.worker_statuses["dead-worker"] = "gone"
    await recover_sync(command, store=app.store, queue=app.queue)
    assert (await app.last_run(connection_id))["error"] is not None


async def test_a_run_that_was_lost_three_times_fails(app: Application) -> None:
    connection_id = await start_run(app, "first")
    app.queue.worker_statuses = dict.fromkeys(("first", "second", "third"), "lost")
    for worker in ("second", "third", None):
        await recover_sync(
            RecoverSync(connection_id=connection_id), store=app.store, queue=app.queue
        )
        if worker:
            sync = await app.sync(connection_id)
            sync.start(worker)
            await app.store.save(sync)
    run = await app.last_run(connection_id)
    assert (run["status"], run["error"] and run["error"]["code"]) == ("failed", "interrupted")


async def test_a_requeued_run_is_enqueued_at_once_and_after_an_error_with_a_delay(
    app: Application,
) -> None:
    connection_id = await start_run(app, "stopping")
    stopped = RequeueSync(connection_id=connection_id, worker="stopping", reason="stopped")
    await requeue_sync(stopped, store=app.store, queue=app.queue)
    assert (await app.last_run(connection_id))["status"] == "queued"
    assert (app.queue.queued, app.queue.delays) == ([connection_id], [0])
    app.queue = InMemoryQueue()
    sync = await app.sync(connection_id)
    sync.start("crashing")
    await app.store.save(sync)
    crashed = RequeueSync(connection_id=connection_id, worker="crashing", reason="broke_off")
    await requeue_sync(crashed, store=app.store, queue=app.queue)
    assert 5 <= app.queue.delays[-1] <= 20


async def test_only_the_worker_that_started_a_run_can_requeue_it(app: Application) -> None:
    connection_id = await start_run(app, "running")
    other_worker = RequeueSync(connection_id=connection_id, worker="other_worker", reason="stopped")
    await requeue_sync(other_worker, store=app.store, queue=app.queue)
    assert (await app.last_run(connection_id))["status"] == "running"
    assert app.queue.queued == []


async def test_recovery_enqueues_a_queued_run_without_a_job(app: Application) -> None:
    connection_id = await app.set_up()
    without_job = app.queue.queued.pop()
    command = RecoverSync(connection_id=connection_id)
    await recover_sync(command, store=app.store, queue=app.queue)
    assert app.queue.queued == [without_job]
