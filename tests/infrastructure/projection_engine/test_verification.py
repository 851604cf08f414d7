"""A verification finds the rows that the log does not give, and no others."""

import random
from itertools import islice
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.events import CourseFetched
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.letter_actions import LetterActions
from infrastructure.projection_engine.rebuild import RebuildProgress
from infrastructure.projection_engine.status import projection_status
from infrastructure.projection_engine.verification import VerificationRefused, verify_read_model
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.damaged_log import NEWER_FORM, damage
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
MODELS = {model.name: model for model in READ_MODELS}
COURSES = MODELS["courses"]


async def test_what_the_log_gives_is_ok_and_the_result_is_listed(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
) -> None:
    head = log_builder.append(RandomHistory(21).generate(250))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    for model in READ_MODELS:
        found = verify_read_model(database_url, reader, model)
        assert (found.result, found.position, found.differences) == ("ok", head, [])
        again = verify_read_model(database_url, reader, model)
        assert again.digest == found.digest
    rows = {row["name"]: row["verified"] for row in await projection_status(read_pool)}
    assert rows[model.name] == {
        "at": again.at,
        "position": head,
        "digest": again.digest,
        "result": "ok",
    }
    schemas = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ '_v[0-9]'")
    assert schemas.fetchall() == [(len(READ_MODELS),)]


CHANGES = {
    "a row is missing": "DELETE FROM {0} WHERE ctid = (SELECT min(ctid) FROM {0})",
    "a row is not in the log": (
        "INSERT INTO {0} SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'course_id', gen_random_uuid()))).* FROM {0} AS t LIMIT 1"
    ),
    "a value is different": "UPDATE {0} SET position = 0 WHERE ctid = (SELECT min(ctid) FROM {0})",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_rows_that_are_not_those_of_the_log_are_found(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    read_pool: AsyncConnectionPool,
    *,
    change: str,
) -> None:
    head = log_builder.append(RandomHistory(22).generate(150))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, head)
    connection.execute(CHANGES[change].format("courses_v1.courses").encode())
    found = verify_read_model(database_url, reader, COURSES)
    assert found.result == "different"
    (difference,) = found.differences
    assert (difference.table, len(difference.people)) == ("courses", 1)
    expected = {"a row is missing": (1, 0), "a row is not in the log": (0, 1)}.get(change, (1, 1))
    assert (difference.missing, difference.unexpected) == expected
    rows = {row["name"]: row["verified"] for row in await projection_status(read_pool)}
    assert rows["courses"]["result"] == "different"


async def test_events_retries_and_skips_meanwhile_do_not_make_it_different(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(23).generate(500)
    fetched = [each for each in events if isinstance(each.event, CourseFetched)]
    log_builder.append(events[:300])
    poisoned = [each for each in fetched if each.position <= 300][::9][:3]
    logs = [damage(connection, events, each, NEWER_FORM) for each in poisoned]
    actions = LetterActions(database_url, reader, MODELS)
    remaining = iter(events[300:])
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        settled = iter(
            connection.execute(
                "SELECT id FROM easeboard.dead_letters WHERE projection = 'courses'"
            ).fetchall()
        )
        for log in logs:
            log.repair()

        def change(_: RebuildProgress) -> None:
            log_builder.append(list(islice(remaining, 20)))
            for (id_,) in islice(settled, 1):
                actions._settle("courses", id_, skip=bool(random.getrandbits(1)))

        for _ in range(3):
            found = verify_read_model(database_url, reader, COURSES, change)
            assert (found.result, found.differences) == ("ok", [])
        log_builder.append(list(remaining))
        wait_until_all_at(connection, log_builder.head())
    assert verify_read_model(database_url, reader, COURSES).result == "ok"


def test_an_event_that_was_applied_and_cannot_be_read_now_makes_it_different(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(24).generate(150)
    log_builder.append(events)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    fetched = next(each for each in events if isinstance(each.event, CourseFetched))
    damage(connection, events, fetched, NEWER_FORM)
    found = verify_read_model(database_url, reader, COURSES)
    assert (found.result, found.failed) == ("different", 1)
    assert connection.execute("SELECT FROM easeboard.dead_letters").fetchall() == []


def test_a_read_model_of_another_release_is_not_verified(
    database_url: str, reader: LogReader
) -> None:
    with pytest.raises(VerificationRefused, match="no read model"):
        verify_read_model(database_url, reader, CountingReadModel())
    ensure_read_models(database_url, [CountingReadModel()])
    with pytest.raises(VerificationRefused, match="another release"):
        verify_read_model(database_url, reader, CountingReadModel(version=2))
