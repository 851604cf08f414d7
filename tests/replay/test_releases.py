"""The databases of earlier releases, upgraded: documents, aggregates and tokens stay the same."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from application.cancel_sync import CancelSync
from application.event_metadata import with_event_metadata
from application.request_sync import RequestSync
from application.run_sync import RunSync, run_sync
from domain.aggregate import Aggregate
from domain.connection import Connection
from domain.errors import ConnectionIsNotActive, ConnectionNotFound
from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.all_migrations import apply_migrations, missing_migrations
from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.event_store.rehydrate import snapshot_state
from infrastructure.projection_engine.rebuild import rebuild_read_model
from interfaces.composition.process import Process
from projections.registry import READ_MODELS
from tests.replay.allowed_differences import ALLOWED_DIFFERENCES
from tests.replay.committed_rows import commit_all_events
from tests.replay.differences import Difference, find_unexpected, find_unused
from tests.replay.documents import opened_connections
from tests.replay.release_files import LOG_SCHEMA, Release, recorded_releases
from tests.replay.stored_rows import MIGRATIONS_TABLE, restore_database
from tests.replay.upgraded_service import (
    SandboxCanvas,
    find_all_differences,
    running_upgrade,
    wait_for_read_models,
)

EVENTS_TABLE = f"{LOG_SCHEMA}.events"
NO_CHANGES = {"courses": 0, "assignments": 0, "grades": 0}


def test_there_is_a_recording_and_each_has_a_table_of_allowed_differences() -> None:
    assert recorded_releases() == sorted(ALLOWED_DIFFERENCES)
    assert recorded_releases()


def test_a_recording_has_connections_and_runs_in_every_state(release: Release) -> None:
    answers = [
        documents for person in release.documents.values() for documents in person["aggregates"]
    ]
    runs = [run for person in release.documents.values() for run in person["sync_log"]]
    assert {answer["connection"]["status"] for answer in answers} == {
        "active", "token_rejected", "closed",
    }  # fmt: skip
    assert {run["status"] for run in runs} == {
        "queued", "running", "completed", "partial", "failed", "cancelled",
    }  # fmt: skip
    assert {run["mode"] for run in runs} == {"full", "incremental"}
    assert {run["trigger"] for run in runs} == {"setup", "manual", "schedule"}


def test_a_database_of_the_release_is_migrated(empty_database_url: str, release: Release) -> None:
    restore_database(empty_database_url, release)
    recorded = [row["name"] for row in release.rows_of(MIGRATIONS_TABLE)]
    apply_migrations(empty_database_url)
    assert missing_migrations(empty_database_url) == []
    with psycopg.connect(empty_database_url) as connection:
        query = "SELECT name FROM easeboard.schema_migrations ORDER BY version"
        applied = [name for (name,) in connection.execute(query)]
        events = connection.execute("SELECT count(*) FROM easeboard.events").fetchall()
    assert applied[: len(recorded)] == recorded
    assert events == [(len(release.rows_of("events")),)]


async def test_outdated_read_models_are_rebuilt_and_give_the_same_documents(
    upgraded_url: str, release: Release
) -> None:
    async with running_upgrade(upgraded_url, release) as process:
        await wait_for_read_models(process)
        differences = await find_all_differences(process, release)
    require_only_allowed(differences, release)
    assert find_unused(differences, ALLOWED_DIFFERENCES[release.name]) == []


def require_only_allowed(differences: list[Difference], release: Release) -> None:
    unexpected = find_unexpected(differences, ALLOWED_DIFFERENCES[release.name])
    assert not unexpected, (
        "Documents of the release read differently. Mend that; if the API changed on purpose, add"
        " the member to tests/replay/allowed_differences.py:\n" + "\n".join(unexpected)
    )


async def test_read_models_built_from_the_first_event_give_the_same_documents(
    upgraded_url: str, release: Release
) -> None:
    async with running_upgrade(upgraded_url, release) as process:
        await wait_for_read_models(process)
        for model in READ_MODELS:
            rebuild_read_model(upgraded_url, process.log_reader, model)
        await wait_for_read_models(process)
        differences = await find_all_differences(process, release)
    require_only_allowed(differences, release)


async def test_events_in_the_newest_stored_form_give_the_same_documents(
    upgraded_url: str, release: Release
) -> None:
    assert commit_all_events(upgraded_url, release) > 100
    async with running_upgrade(upgraded_url, release) as process:
        await wait_for_read_models(process)
        for model in READ_MODELS:
            rebuild_read_model(upgraded_url, process.log_reader, model)
        await wait_for_read_models(process)
        differences = await find_all_differences(process, release)
    require_only_allowed(differences, release)


async def test_a_lost_event_is_noticed(empty_database_url: str, release: Release) -> None:
    restore_database(empty_database_url, without_newest_event(release))
    apply_migrations(empty_database_url)
    async with running_upgrade(empty_database_url, release) as process:
        await wait_for_read_models(process)
        for model in READ_MODELS:
            rebuild_read_model(empty_database_url, process.log_reader, model)
        differences = await find_all_differences(process, release)
    of_read_models = [each for each in differences if not each.member.startswith("history")]
    assert find_unexpected(of_read_models, ALLOWED_DIFFERENCES[release.name])


def without_newest_event(release: Release) -> Release:
    """Leave out the newest event that a read model applies; it is the last one of its stream."""
    rows = release.database.rows
    events = list(rows[EVENTS_TABLE])
    events.remove([row for row in events if b'"HistoryRead"' not in row][-1])
    return replace(release, database=replace(release.database, rows={**rows, EVENTS_TABLE: events}))


async def test_aggregates_with_a_snapshot_equal_those_from_events(
    upgraded_url: str, release: Release
) -> None:
    assert release.rows_of("snapshots")
    async with running_upgrade(upgraded_url, release) as process:
        with_snapshots = [await load_state(process, *key) for key in aggregates_of(upgraded_url)]
        with psycopg.connect(upgraded_url) as connection:
            connection.execute("DELETE FROM easeboard.snapshots")
        from_events = [await load_state(process, *key) for key in aggregates_of(upgraded_url)]
    assert with_snapshots == from_events


def aggregates_of(url: str) -> Iterator[tuple[type[Aggregate], UUID]]:
    """Yield class and stream of every aggregate."""
    for id_ in opened_connections(url):
        yield Connection, id_
        yield Sync, Sync.id_for(id_)
        yield HistoryAccess, HistoryAccess.id_for(id_)


async def load_state(process: Process, kind: type[Aggregate], stream: UUID) -> dict[str, Any]:
    aggregate = await process.store.load(kind, stream)
    state = {"version": aggregate.version, **snapshot_state(aggregate)}
    # No event has them (decision 35): an aggregate of events alone reads the work once more.
    state.pop("work_digests", None)
    return state


async def test_a_run_can_be_requested_exactly_for_the_active_connections(
    upgraded_url: str, release: Release
) -> None:
    async with running_upgrade(upgraded_url, release) as process:
        for id_, person in opened_connections(upgraded_url).items():
            connection = await process.store.load(Connection, id_)
            refusals = {"closed": ConnectionNotFound, "token_rejected": ConnectionIsNotActive}
            if refusal := refusals.get(connection.status):
                with pytest.raises(refusal):
                    await request_run(process, person, id_)
            else:
                queued = await request_run(process, person, id_)
                run = await process.service.current_sync(id_)
                assert run is not None
                assert (run["id"], run["status"]) == (str(queued), "queued")


async def request_run(process: Process, person: UUID, id_: UUID, mode: str = "auto") -> UUID:
    """Request a run, after the cancellation of an active one; return its id."""
    sync = await process.store.load(Sync, Sync.id_for(id_))
    if sync.active_run:
        await process.service.cancel_sync(CancelSync(person_id=person, connection_id=id_))
    command = RequestSync(person_id=person, connection_id=id_, mode=mode)
    return (await process.service.request_sync(command)).sync_id


async def test_after_two_full_runs_another_run_finds_nothing(
    upgraded_url: str, release: Release
) -> None:
    async with (
        running_sandbox(SandboxOptions(courses=4, assignments=8)) as sandbox,
        running_upgrade(
            upgraded_url, release, private_host=sandbox.url.removeprefix("http://")
        ) as process,
    ):
        for id_, person in opened_connections(upgraded_url).items():
            if (await process.store.load(Connection, id_)).status != "active":
                continue
            runs = [
                await execute_run(process, sandbox, person, id_, mode)
                for mode in ("full", "full", "auto")
            ]
            assert [run["status"] for run in runs] == ["completed"] * 3
            assert runs[-1]["changes"] == NO_CHANGES


async def execute_run(
    process: Process, sandbox: Sandbox, person: UUID, id_: UUID, mode: str
) -> dict[str, Any]:
    """Request a run that reads the sandbox, execute it, and return it."""
    await request_run(process, person, id_, mode)
    with with_event_metadata("worker"):
        await run_sync(
            RunSync(connection_id=id_, worker="replay:1:0:1"),
            store=process.store,
            vault=process.token_vault,
            canvas=SandboxCanvas(process.canvas, sandbox),
            host_health=process.circuit_breakers,
        )
    run = await process.service.current_sync(id_)
    assert run is not None
    return run


async def test_the_stored_tokens_are_those_that_the_connections_name(
    upgraded_url: str, release: Release
) -> None:
    async with running_upgrade(upgraded_url, release) as process:
        vault = process.token_vault
        for id_, person in opened_connections(upgraded_url).items():
            connection = await process.store.load(Connection, id_)
            if connection.status != "closed":
                fingerprint = connection.token_fingerprint
                token = await vault.load(person, id_, connection.canvas_url, fingerprint)
                assert vault.fingerprint(id_, token, fingerprint) == fingerprint


async def test_auditors_can_read_every_event(upgraded_url: str, release: Release) -> None:
    async with running_upgrade(upgraded_url, release) as process:
        pages = [
            await process.service.history(id_, limit=None)
            for id_ in opened_connections(upgraded_url)
        ]
    items = [item for page in pages for item in page.result.items]
    streams = {
        stream
        for id_ in opened_connections(upgraded_url)
        for stream in (id_, Sync.id_for(id_), HistoryAccess.id_for(id_))
    }
    rows = [row for row in release.rows_of("events") if UUID(row["stream"]) in streams]
    assert len(items) == len(rows)
    assert [item for item in items if b'"unreadable"' in item] == []
