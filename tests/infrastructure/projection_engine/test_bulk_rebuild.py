"""Several processes fill new versions, and a rebuild continues where they or their starter died."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.postgres import pools
from infrastructure.projection_engine.bulk_rebuild import fill_together
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.joined_rebuild import rebuild_or_join
from infrastructure.projection_engine.people_slices import begin_slices, load_slices
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.rebuild import RebuildStopped, rebuild_read_model
from infrastructure.projection_engine.rebuild_steps import Rebuild, RebuildLost, start_rebuild
from infrastructure.projection_engine.slice_batches import apply_slice_batch, fill_slice
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from infrastructure.projection_engine.versions import schema_of, set_search_path
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    assert_live_equals_rebuilt,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
PEOPLE_SLICES = [PeopleSlice(number, 3) for number in range(3)]


@contextmanager
def open_reader(url: str) -> Iterator[LogReader]:
    with pools.open_write_pool(url, size=2) as pool:
        yield LogReader(pool, Mapper(None))


def _indexes(connection: Connection, schema: str) -> list[str]:
    cursor = connection.execute(
        "SELECT replace(indexdef, schemaname, '') FROM pg_indexes WHERE schemaname = %s"
        " ORDER BY indexname",
        [schema],
    )
    return [definition for (definition,) in cursor]


def _begin_slices(connection: Connection, model: RegisteredReadModel, builder: UUID) -> Rebuild:
    rebuild, _ = start_rebuild(connection, model, builder)
    with connection.transaction(), connection.cursor() as cursor:
        set_search_path(cursor, schema_of(model.name, rebuild.version))
        begin_slices(cursor, model.name, rebuild.version, builder, len(PEOPLE_SLICES))
    return rebuild


def _roles(connection: Connection, name: str) -> list[tuple[int, str]]:
    cursor = connection.execute(
        "SELECT version, role FROM easeboard.projections WHERE name = %s ORDER BY version", [name]
    )
    return cursor.fetchall()


def _expire_leases(connection: Connection) -> None:
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = builder_seen_at - interval '1 minute'"
    )


def test_processes_fill_all_read_models_together(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(21, people=12).generate(600)
    head = log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    reported: dict[str, tuple[int, int]] = {}
    fill_together(
        database_url,
        reader,
        READ_MODELS,
        partial(open_reader, database_url),
        lambda name, done, total: reported.update({name: (done, total)}),
        processes=2,
        min_positions=1,
    )
    assert reported == {model.name: (head, head) for model in READ_MODELS}
    rows = connection.execute(
        "SELECT position, fingerprint LIKE '%/%', deferred_indexes FROM easeboard.projections"
        " WHERE role = 'building'"
    ).fetchall()
    assert rows == [(head, False, None)] * len(READ_MODELS)
    for model in READ_MODELS:
        assert rebuild_read_model(database_url, reader, model) == 2
        assert _indexes(connection, f"{model.name}_v2") == _indexes(connection, f"{model.name}_v1")
    assert_live_equals_rebuilt(connection, events)


def test_a_short_rebuild_is_left_alone(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(22).generate(50))
    ensure_read_models(database_url, READ_MODELS)
    fill_together(database_url, reader, READ_MODELS, partial(open_reader, database_url))
    rows = connection.execute("SELECT count(*) FROM easeboard.rebuild_slices").fetchall()
    assert rows == [(0,)]
    assert rebuild_read_model(database_url, reader, READ_MODELS[0]) == 2


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_a_rebuild_whose_processes_died_in_the_middle_is_continued(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    model: RegisteredReadModel,
) -> None:
    events = RandomHistory(23, people=9).generate(300)
    head = log_builder.append(events)
    ensure_read_models(database_url, READ_MODELS)
    rebuild = _begin_slices(connection, model, uuid4())
    for people, target in zip(PEOPLE_SLICES, (head // 3, head // 2, 0), strict=True):
        fill_slice(connection, [rebuild], people, (0, target), reader, after_batch=lambda _: None)
    _expire_leases(connection)
    assert rebuild_read_model(database_url, reader, model) == rebuild.version
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    assert_live_equals_rebuilt(connection, events)


def test_a_rebuild_right_after_a_crash_is_filled_by_several_processes(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(26, people=9).generate(100))
    ensure_read_models(database_url, READ_MODELS)
    dead = _begin_slices(connection, READ_MODELS[0], uuid4())
    connection.execute(
        "UPDATE easeboard.projections SET builder_seen_at = clock_timestamp() - %s * interval '1 s'"
        " WHERE builder = %s",
        [REBUILD_LEASE_SECONDS - 2, dead.builder],
    )
    opened = partial(open_reader, database_url)
    building = fill_together(
        database_url, reader, READ_MODELS[:1], opened, processes=2, min_positions=1
    )
    assert building == {dead.model.name: dead.version}
    rows = connection.execute(
        "SELECT position FROM easeboard.projections WHERE role = 'building'"
    ).fetchall()
    assert rows == [(head,)]


def test_a_fill_that_is_stopped_is_continued_at_once(
    database_url: str, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(27, people=9).generate(100))
    ensure_read_models(database_url, READ_MODELS)

    def stop(_name: str, _done: int, _total: int) -> None:
        raise RebuildStopped

    opened = partial(open_reader, database_url)
    with pytest.raises(RebuildStopped):
        fill_together(database_url, reader, READ_MODELS, opened, stop, processes=2, min_positions=1)
    for model in READ_MODELS:
        assert rebuild_read_model(database_url, reader, model) == 2


def test_what_another_process_has_cut_over_meanwhile_is_not_rebuilt_again(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    log_builder.append(RandomHistory(28, people=9).generate(100))
    ensure_read_models(database_url, READ_MODELS)
    model, opened = READ_MODELS[0], partial(open_reader, database_url)
    building = fill_together(database_url, reader, [model], opened, processes=2, min_positions=1)
    rebuild_read_model(database_url, reader, model)
    version = building[model.name]
    assert rebuild_or_join(database_url, reader, model, building=version) == version
    assert _roles(connection, model.name) == [(1, "retired"), (2, "live")]


def test_a_worker_whose_version_was_taken_over_commits_nothing(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    head = log_builder.append(RandomHistory(24, people=9).generate(100))
    ensure_read_models(database_url, READ_MODELS)
    rebuild = _begin_slices(connection, READ_MODELS[0], uuid4())
    _expire_leases(connection)
    start_rebuild(connection, READ_MODELS[0], uuid4())
    reader.safe_place()
    batch = reader.of_slice(PEOPLE_SLICES[0]).read(0, head, subscribed_topics(READ_MODELS), 500)
    with pytest.raises(RebuildLost):
        apply_slice_batch(connection, [rebuild], PEOPLE_SLICES[0], 0, batch)
    with connection.cursor() as cursor:
        checkpoints = load_slices(cursor, rebuild.model.name, rebuild.version)
    assert checkpoints == dict.fromkeys(PEOPLE_SLICES, 0)


def test_the_slices_have_every_event_once(reader: LogReader, log_builder: LogBuilder) -> None:
    head = log_builder.append(RandomHistory(25, people=20).generate(200))
    topics = subscribed_topics(READ_MODELS)
    whole = reader.read(0, head, topics, 1_000).events
    parts = [reader.of_slice(people).read(0, head, topics, 1_000) for people in PEOPLE_SLICES]
    assert all(part.events and part.up_to == head for part in parts)
    positions = sorted(recorded.position for part in parts for recorded in part.events)
    assert positions == [recorded.position for recorded in whole]


def test_a_version_of_slices_is_of_another_program_for_older_ones(
    database_url: str, connection: Connection
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    rebuild = _begin_slices(connection, READ_MODELS[0], uuid4())
    rows = connection.execute(
        "SELECT fingerprint LIKE '%%/slices' FROM easeboard.projections WHERE builder = %s",
        [rebuild.builder],
    ).fetchall()
    assert rows == [(True,)]
