"""Retried letters give the rows of a clean fold, skipped ones those of a log without the event.

Nothing of other people changes, a process may be killed in between, and what a person closes is
closed although an earlier event of the stream is set aside.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from application.settle_dead_letter import LetterNotFound
from domain.event import EVENT_TYPES
from domain.events import ConnectionClosed, CourseFetched
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import EventPage, LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.letter_actions import LetterActions, settle_letter
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.refold import RefoldRefused
from infrastructure.projection_engine.verification import verify_read_model
from infrastructure.projection_engine.versions import connect
from projections.registry import READ_MODELS
from projections.support.tombstones import CLOSING_EVENTS
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel
from tests.infrastructure.projection_engine.damaged_log import (
    NEWER_FORM,
    OTHER_KEY,
    DamagedLog,
    damage,
    write_state,
)
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import (
    live_dump,
    wait_until_all_at,
)
from tests.projections.event_builders import EventLogBuilder, RandomHistory, StudentAccount

Connection = psycopg.Connection[Any]
MODELS = {model.name: model for model in READ_MODELS}


class PoisonedLog:
    """A log in which several random events are damaged, in streams of several people."""

    def __init__(
        self, connection: Connection, log_builder: LogBuilder, seed: int, count: int
    ) -> None:
        rng = random.Random(seed)
        self.events = RandomHistory(seed, people=5).generate(260)
        log_builder.append(self.events)
        candidates = [each for each in self.events if not each.event.CLOSES]
        self.damages = [
            damage(connection, self.events, each, rng.choice([NEWER_FORM, OTHER_KEY]))
            for each in rng.sample(candidates, count)
        ]
        self.people = {each.damaged.person_id for each in self.damages}

    def repair(self) -> None:
        """Write the original state of every damaged event back."""
        for each in self.damages:
            each.repair()

    def without(self, skipped: set[UUID]) -> list[RecordedEvent]:
        """Return the events without some."""
        return [each for each in self.events if each.event_id not in skipped]

    def assert_rows(self, events: Sequence[RecordedEvent]) -> None:
        """Assert that every read model is what these events give."""
        for model in READ_MODELS:
            self.damages[0].assert_rows_of(model.name, events)

    def rows_of_others(self, connection: Connection) -> dict[str, list[str]]:
        """Return the rows of people without a damaged event."""
        ids = [str(person) for person in self.people]
        return {
            f"{model.name}.{table}": [row for row in rows if not any(id_ in row for id_ in ids)]
            for model in READ_MODELS
            for table, rows in live_dump(connection, model.name).items()
        }


def letters(connection: Connection) -> list[tuple[str, UUID]]:
    return connection.execute(
        "SELECT projection, id FROM easeboard.dead_letters ORDER BY projection, position"
    ).fetchall()


async def settle_all(actions: LetterActions, connection: Connection, action: str) -> None:
    """Settle letters until there are none; another one of the same stream can follow."""
    while found := letters(connection):
        for name, id_ in found:
            settle = actions.retry if action == "retry" else actions.skip
            outcome = await settle(name, id_)
            assert outcome.result == ("applied" if action == "retry" else "skipped")


@pytest.fixture
def actions(database_url: str, reader: LogReader) -> LetterActions:
    return LetterActions(database_url, reader, MODELS)


@pytest.mark.parametrize("seed", [71, 72, 73])
async def test_after_a_repair_retries_give_the_rows_of_a_clean_fold(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
    *,
    seed: int,
) -> None:
    log = PoisonedLog(connection, log_builder, seed, 4)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        before = log.rows_of_others(connection)
        log.repair()
        await settle_all(actions, connection, "retry")
        assert log.rows_of_others(connection) == before
        log.assert_rows(log.events)


@pytest.mark.parametrize("seed", [81, 82, 83])
async def test_skips_give_the_rows_of_a_log_without_the_events(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
    *,
    seed: int,
) -> None:
    log = PoisonedLog(connection, log_builder, seed, 4)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    await settle_all(actions, connection, "skip")
    expected = log.without({each.damaged.event_id for each in log.damages})
    log.assert_rows(expected)
    log.repair()
    for model in READ_MODELS:
        assert verify_read_model(database_url, reader, model).result == "ok"
        rebuild_read_model(database_url, reader, model)
    log.assert_rows(expected)


async def test_a_letter_that_fails_again_is_kept_with_the_new_reason(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
) -> None:
    log = one_damaged(connection, log_builder, 91)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    write_state(connection, log.damaged.position, b"\x00not JSON")
    outcome = await actions.retry("courses", log.damaged.event_id)
    assert (outcome.id, outcome.projection, outcome.result) == (
        log.damaged.event_id,
        "courses",
        "kept",
    )
    assert "JSONDecodeError" in str(outcome.error)
    assert (await actions.find("courses", log.damaged.event_id)).error == outcome.error
    log.assert_only_its_stream_waits()


async def test_letters_that_do_not_exist_are_not_found(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
) -> None:
    log = one_damaged(connection, log_builder, 92)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    for id_ in (uuid4(), log.events[0].event_id):
        for act in (actions.find, actions.retry, actions.skip):
            with pytest.raises(LetterNotFound):
                await act("courses", id_)
    await actions.skip("courses", log.damaged.event_id)
    with pytest.raises(LetterNotFound):
        await actions.skip("courses", log.damaged.event_id)
    assert "courses" not in dict(letters(connection))
    assert "grades" in dict(letters(connection))


class KilledSource:
    """A log whose reader loses its own database connection after so many pages."""

    def __init__(self, reader: LogReader, victim: Connection, killer: Connection) -> None:
        self._reader, self._victim, self._killer = reader, victim, killer
        self.safe_place, self.positions_of = reader.safe_place, reader.positions_of
        self.read, self.of_slice = reader.read, reader.of_slice

    @property
    def timeline(self) -> int:
        return self._reader.timeline

    def pages_at(self, positions: Sequence[int]) -> Iterator[EventPage]:
        half = len(positions) // 2
        yield from self._reader.pages_at(positions[:half])
        pid = self._victim.info.backend_pid
        self._killer.execute("SELECT pg_terminate_backend(%s)", [pid])
        yield from self._reader.pages_at(positions[half:])


@pytest.mark.parametrize("skip", [True, False])
async def test_a_process_that_is_killed_in_between_changes_nothing(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
    *,
    skip: bool,
) -> None:
    log = one_damaged(connection, log_builder, 93)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
    before = live_dump(connection, "courses"), letters(connection)
    log.repair()
    victim = connect(database_url)
    source = KilledSource(reader, victim, connection)
    with pytest.raises(psycopg.OperationalError):
        settle_letter(victim, source, MODELS["courses"], log.damaged.event_id, skip=skip)
    assert (live_dump(connection, "courses"), letters(connection)) == before
    assert connection.execute("SELECT FROM easeboard.skipped_events").fetchall() == []
    act = actions.skip if skip else actions.retry
    await act("courses", log.damaged.event_id)
    left = [each for each in log.events if each.event_id != log.damaged.event_id]
    log.assert_rows_of("courses", left if skip else log.events)


async def test_a_closed_connection_is_gone_although_an_earlier_event_is_set_aside(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    actions: LetterActions,
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    other = StudentAccount(log, url="https://other.example").open()
    account.change_connection(lambda each: each.rotate_token("42", "00000001"))
    rotated = log.events[-1]
    log_builder.append(log.events)
    damaged = damage(connection, log.events, rotated, NEWER_FORM)
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        account.change_connection(lambda each: each.close())
        log_builder.append(log.events[-1:])
        wait_until_all_at(connection, log_builder.head())
    shown = connection.execute("SELECT connection_id FROM read.connections").fetchall()
    assert shown == [(other.id,)]
    assert isinstance(log.events[-1].event, ConnectionClosed)
    damaged.repair()
    await settle_all(actions, connection, "retry")
    damaged.assert_nothing_is_missing()


def test_the_events_that_close_are_those_of_the_tombstones() -> None:
    assert {each for each in EVENT_TYPES.values() if each.CLOSES} == set(CLOSING_EVENTS)


def test_a_read_model_without_people_is_rebuilt_instead(
    database_url: str, connection: Connection, reader: LogReader, log_builder: LogBuilder
) -> None:
    events = RandomHistory(94, people=1).generate(40)
    log_builder.append(events)
    damage(connection, events, events[0], NEWER_FORM)
    model = CountingReadModel()
    with ProjectionDaemon(database_url, reader, [model]):
        wait_until_all_at(connection, log_builder.head())
    with connect(database_url) as own, pytest.raises(RefoldRefused, match="rebuild counting"):
        settle_letter(own, reader, model, letters(connection)[0][1], skip=True)


def one_damaged(connection: Connection, log_builder: LogBuilder, seed: int) -> DamagedLog:
    events = RandomHistory(seed).generate(200)
    log_builder.append(events)
    fetched = [recorded for recorded in events if isinstance(recorded.event, CourseFetched)]
    return damage(connection, events, fetched[1], NEWER_FORM)
