"""A process knows what changed, and no process sends what another one would contradict."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from domain.log_position import LogPosition
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.subscriptions import followed_log, log_follower
from infrastructure.subscriptions.followed_log import FollowedLog
from infrastructure.subscriptions.log_follower import LogFollower, LogSight
from tests.dev_tokens import ADA, BOB
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.projections.event_builders import EventLogBuilder, StudentAccount

TOPICS = ["ConnectionOpened"]
SLOWER = 200
"""How many times longer than in production all limits are: a slow test must not reach them."""
VALID_SECONDS = SLOWER * followed_log.VALID_SECONDS
FORGET_SECONDS = SLOWER * log_follower.FORGET_SECONDS


class Follower:
    """A follower, and the monotonic time of its process."""

    def __init__(self, pool: WritePool) -> None:
        self.seconds = 0.0
        self.log = FollowedLog(clock=lambda: self.seconds)
        self.reader = LogFollower(pool, Mapper(None), self.log, TOPICS)
        self.sight = LogSight(LogPosition(0, 0), None, None)

    def follow(self) -> LogSight:
        self.sight = self.reader.follow()
        return self.sight

    def follow_and_state(self) -> None:
        """Read the log, and once more to state how far this process is."""
        self.follow()
        self.follow()

    def has_changed(self, person: Any, after: int) -> bool:
        return self.log.has_changed(person, after)

    @property
    def is_current(self) -> bool:
        return self.log.is_current(self.log.knowledge())

    @property
    def known_to_all(self) -> int | None:
        return self.reader.known_to_all(self.sight)


@pytest.fixture(autouse=True)
def _slower_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (followed_log, log_follower):
        monkeypatch.setattr(module, "VALID_SECONDS", VALID_SECONDS)
    monkeypatch.setattr(log_follower, "FORGET_SECONDS", FORGET_SECONDS)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url, size=4) as pool:
        yield pool


@pytest.fixture
def log(connection: psycopg.Connection[Any]) -> LogBuilder:
    return LogBuilder(connection)


@contextmanager
def open_append(url: str, person: Any) -> Iterator[None]:
    """Take a position, and commit the event at the end of the block."""
    with psycopg.connect(url) as writer, writer.transaction():
        append(LogBuilder(writer), person)
        yield


def append(log: LogBuilder, person: Any) -> int:
    """Append ConnectionOpened; returns its position."""
    events = EventLogBuilder()
    StudentAccount(events, person, f"https://{datetime.now(UTC).timestamp()}.example").open()
    return log.append(events.events)


def pass_time(connection: psycopg.Connection[Any], *followers: Follower, seconds: float) -> None:
    connection.execute(
        "UPDATE easeboard.log_followers SET seen_at = seen_at - make_interval(secs => %s)",
        [seconds],
    )
    for follower in followers:
        follower.seconds += seconds


def test_a_follower_knows_who_has_changed(pool: WritePool, log: LogBuilder) -> None:
    before, follower = append(log, ADA), Follower(pool)
    follower.follow()
    assert follower.is_current
    after = append(log, BOB)
    assert not follower.has_changed(BOB, before)
    follower.follow()
    assert follower.has_changed(BOB, before)
    assert not follower.has_changed(BOB, after)
    assert not follower.has_changed(ADA, before)


def test_a_change_counts_when_no_earlier_one_can_follow(
    database_url: str, pool: WritePool, log: LogBuilder
) -> None:
    follower = Follower(pool)
    follower.follow()
    with open_append(database_url, ADA):
        append(log, BOB)
        follower.follow()
        assert follower.sight.place.position == 0
        assert not follower.reader.is_settled
    follower.follow()
    assert follower.has_changed(ADA, 0)
    assert follower.has_changed(BOB, 0)


def test_a_follower_that_did_not_read_for_a_while_forgets_everything(
    pool: WritePool, log: LogBuilder, connection: psycopg.Connection[Any]
) -> None:
    follower = Follower(pool)
    follower.follow()
    generation = follower.log.knowledge().generation
    pass_time(connection, follower, seconds=VALID_SECONDS)
    assert not follower.is_current
    position = append(log, ADA)
    pass_time(connection, follower, seconds=0.1)
    follower.follow()
    assert follower.is_current
    assert follower.log.knowledge().generation > generation
    assert follower.has_changed(BOB, position - 1), "what changed meanwhile was not read"


def test_a_reading_that_failed_lets_nothing_count_until_the_next_one(
    pool: WritePool, connection: psycopg.Connection[Any]
) -> None:
    follower = Follower(pool)
    follower.follow()
    connection.execute("ALTER TABLE easeboard.log_followers RENAME TO renamed")
    follower.seconds += 0.1
    with pytest.raises(psycopg.errors.UndefinedTable):
        follower.follow()
    assert not follower.is_current
    connection.execute("ALTER TABLE easeboard.renamed RENAME TO log_followers")
    follower.seconds += 0.1
    follower.follow()
    assert follower.is_current


@pytest.mark.parametrize(
    "switch",
    [
        "UPDATE easeboard.projections SET version = 2",
        "DELETE FROM easeboard.dead_letters",
        "UPDATE easeboard.dead_letters SET parked_at = parked_at + interval '1 s'",
    ],
)
def test_a_switch_without_an_event_begins_another_generation(
    pool: WritePool, log: LogBuilder, connection: psycopg.Connection[Any], switch: Any
) -> None:
    append(log, ADA)
    connection.execute(
        "INSERT INTO easeboard.projections (name, version, role, code_version, fingerprint)"
        " VALUES ('courses', 1, 'live', 1, '')"
    )
    connection.execute(
        "INSERT INTO easeboard.dead_letters (projection, version, id, position, stream,"
        " stream_version, topic, person_id, error)"
        " SELECT 'courses', 1, event_id, position, stream, version, topic, person_id, ''"
        " FROM easeboard.events"
    )
    if "version = 2" in switch:
        connection.execute("DELETE FROM easeboard.dead_letters")
    follower = Follower(pool)
    follower.follow_and_state()
    generation = follower.log.knowledge().generation
    follower.follow()
    assert follower.log.knowledge().generation == generation
    connection.execute(switch)
    follower.follow()
    assert follower.log.knowledge().generation > generation


def test_a_log_that_lost_events_begins_another_generation(pool: WritePool, log: LogBuilder) -> None:
    kept, follower = append(log, ADA), Follower(pool)
    append(log, ADA)
    follower.follow_and_state()
    known = follower.log.knowledge()
    log.lose_events_after(kept)
    follower.follow()
    assert follower.log.knowledge().generation > known.generation
    assert follower.log.knowledge().place.timeline != known.place.timeline
    assert follower.log.knowledge().place.position == kept


def test_a_message_waits_until_every_process_knows_its_event(
    pool: WritePool, log: LogBuilder
) -> None:
    one, other = Follower(pool), Follower(pool)
    one.follow()
    assert one.sight.known_to_others is None
    other.follow_and_state()
    position = append(log, ADA)
    one.follow()
    assert one.sight.place.position == position
    assert one.known_to_all == position - 1
    other.follow()
    assert not other.reader.is_place_stated
    other.follow()
    assert other.reader.is_place_stated
    one.follow()
    assert one.known_to_all == position


def test_nobody_waits_for_a_process_that_has_stopped_keeping_documents(
    pool: WritePool, log: LogBuilder, connection: psycopg.Connection[Any]
) -> None:
    one, frozen, leaving = (Follower(pool) for _ in range(3))
    for follower in (frozen, leaving, one):
        follower.follow_and_state()
    position = append(log, ADA)
    leaving.reader.leave()
    pass_time(connection, one, frozen, seconds=VALID_SECONDS / 2)
    one.follow()
    assert one.known_to_all == position - 1
    pass_time(connection, one, frozen, seconds=FORGET_SECONDS - VALID_SECONDS / 2)
    assert not frozen.is_current, "before the others stop waiting"
    one.follow()
    assert one.known_to_all == position


def test_what_another_process_knows_is_safe_to_read(
    database_url: str, pool: WritePool, log: LogBuilder
) -> None:
    one, late = Follower(pool), Follower(pool)
    position = append(log, ADA)
    one.follow_and_state()
    with ExitStack() as stack:
        stack.enter_context(open_append(database_url, BOB))
        append(log, ADA)
        late.follow_and_state()
        assert late.sight.place.position == 0
        assert late.log.knowledge().place.position == position
