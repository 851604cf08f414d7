"""A kept document is what the log says, whatever happens to the log and to the processes."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

import psycopg
import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool, open_write_pool
from infrastructure.projection_engine.apply_batch import apply_next_batch
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.rollback import RollbackRefused, roll_back
from infrastructure.projection_engine.versions import connect, live_versions
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.interfaces.queries.followed_database import (
    HOSTS,
    FollowingProcess,
    OpenedReadModel,
    Shown,
    World,
    erased_event,
    following_process,
    new_reader,
    opened_event,
)

MODEL = OpenedReadModel()
STEPS = 200
OPEN_CIRCUIT = """
INSERT INTO easeboard.canvas_hosts (origin, failures, openings, open_until, is_probed, failed_at)
VALUES (%s, 5, 1, %s, FALSE, clock_timestamp())
    ON CONFLICT (origin) DO UPDATE
   SET open_until = excluded.open_until
"""


class History:
    """Random steps of writers, projector, time, and two processes; each answer is checked."""

    def __init__(self, seed: int, url: str, pool: WritePool, read_pool: ReadPool) -> None:
        self.random = random.Random(seed)
        self.url = url
        self.pool = pool
        self.read_pool = read_pool
        self.reader: LogReader = new_reader(pool)
        self.people = [uuid4() for _ in range(3)]
        self.erased: set[UUID] = set()
        self.told = 0
        self.found = 0
        self.live_since: dict[int, set[int]] = {}
        """The versions that were live since a process read the log last."""
        self.open_until: dict[int, datetime | None] = {}
        """When the circuit of the first host closes, at the time of this reading."""
        self.doubting: set[int] = set()
        """Processes whose connection broke after this reading."""
        self.writer: psycopg.Connection[Any] | None = None
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        self.connection = self.stack.enter_context(psycopg.connect(self.url, autocommit=True))
        self.world = World(self.connection)
        self.projector = self.stack.enter_context(connect(self.url))
        due_at = self.world.now() + timedelta(seconds=self.random.uniform(1, 60))
        self.processes: list[FollowingProcess] = [
            self.stack.enter_context(following_process(self.world, self.pool, due_at))
            for _ in range(2)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self.end_append()
        self.stack.close()

    def person(self) -> UUID:
        return self.random.choice(self.people)

    def append(self) -> None:
        person = self.person()
        if person not in self.erased:
            self.world.log.append([opened_event(person)])

    def begin_append(self) -> None:
        """Take a position that may be committed after later ones."""
        if self.writer is None and (alive := set(self.people) - self.erased):
            self.writer = psycopg.connect(self.url)
            # With a transaction that is open, the builder does not commit.
            self.writer.execute("SELECT")
            LogBuilder(self.writer).append([opened_event(self.random.choice(sorted(alive)))])

    def end_append(self) -> None:
        if self.writer:
            self.writer.commit() if self.random.random() < 0.7 else self.writer.rollback()
            self.writer.close()
            self.writer = None

    def erase(self) -> None:
        person = self.person()
        if self.writer is None and person not in self.erased and self.random.random() < 0.3:
            self.erased.add(person)
            self.world.log.append([erased_event(person)])

    def project(self) -> None:
        place = self.reader.safe_place()
        if statuses := live_versions(self.projector, [MODEL]):
            limit = self.random.choice([1, 2, 50])
            apply_next_batch(self.projector, statuses, self.reader, place, limit)

    def rebuild(self) -> None:
        rebuild_read_model(self.url, self.reader, MODEL)
        self.note_switch()

    def roll_back(self) -> None:
        try:
            roll_back(self.url, self.reader, MODEL)
        except RollbackRefused:
            return
        self.note_switch()

    def note_switch(self) -> None:
        for versions in self.live_since.values():
            versions.add(self.live_version())

    def pass_time(self) -> None:
        self.world.pass_time(self.random.choice([0.1, 0.3, 0.5, 0.9, 2.0, 5.0]))

    def follow(self) -> None:
        """Let one process read the log, or both of them."""
        numbers = range(len(self.processes))
        for number in self.random.sample(numbers, self.random.choice([1, 2])):
            self.processes[number].follow()
            self.note_following(number)

    def note_following(self, number: int) -> None:
        self.live_since[number] = {self.live_version()}
        self.open_until[number] = self.select_open_until()
        self.doubting.discard(number)

    def doubt(self) -> None:
        """Let one process notice that a connection broke."""
        number = self.random.randrange(len(self.processes))
        self.processes[number].followed.doubt()
        self.doubting.add(number)

    def change_circuit(self) -> None:
        """Open or close the circuit of a host."""
        host, minutes = self.random.choice(HOSTS), self.random.randint(1, 60)
        if self.random.random() < 0.6:
            until = self.world.now() + timedelta(minutes=minutes)
            self.connection.execute(OPEN_CIRCUIT, [host, until])
        else:
            self.connection.execute("DELETE FROM easeboard.canvas_hosts WHERE origin = %s", [host])

    async def tell(self) -> None:
        """Send the messages that a process may send by what it read last, which may be long ago.

        Then a client asks.
        """
        number = self.random.randrange(len(self.processes))
        process = self.processes[number]
        if self.random.random() < 0.6:
            self.project()
            process.follow()
            self.note_following(number)
        self.told = max(self.told, process.tellable())
        await self.read()

    async def read(self) -> None:
        number, person = self.random.randrange(len(self.processes)), self.person()
        process = self.processes[number]
        shown = process.find(person)
        if shown is None:
            await process.ask(self.read_pool, person)
            return
        self.found += 1
        assert number not in self.doubting
        assert shown.open_until == self.open_until[number]
        _, place = process.shown[person]
        known = max(process.place.position, place.position)
        assert shown.opened == self.opened_up_to(person, known)
        assert shown.version in self.live_since[number]
        assert shown.is_late == (self.world.now() >= process.due_at)
        assert shown.opened == self.opened_up_to(person, max(known, self.told)), "told elsewhere"
        await self.compare_with_database(process, person, shown)

    async def compare_with_database(
        self, process: FollowingProcess, person: UUID, shown: Shown
    ) -> None:
        asked, place = await process.ask(self.read_pool, person)
        if place == process.place and asked.version == shown.version:
            assert replace(asked, open_until=shown.open_until) == shown

    def opened_up_to(self, person: UUID, position: int) -> int:
        return self.select(
            "SELECT CASE WHEN bool_or(topic = 'PersonErased') THEN 0 ELSE count(*) END"
            " FROM easeboard.events WHERE person_id = %s AND position <= %s",
            person,
            position,
        )

    def select_open_until(self) -> datetime | None:
        statement = "SELECT open_until FROM easeboard.canvas_hosts WHERE origin = %s"
        rows = self.connection.execute(statement, [HOSTS[0]]).fetchall()
        return rows[0][0] if rows else None

    def live_version(self) -> int:
        return self.select("SELECT max(version) FROM easeboard.projections WHERE role = 'live'")

    def select(self, statement: Any, *values: Any) -> int:
        return int(self.connection.execute(statement, values).fetchall()[0][0])


@asynccontextmanager
async def pools(url: str) -> AsyncIterator[tuple[WritePool, ReadPool]]:
    with open_write_pool(url, size=4) as pool:
        async with open_read_pool(url, size=2) as read_pool:
            yield pool, read_pool


@contextmanager
def explained(seed: int, steps: list[str]) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        error.add_note(f"seed {seed}, the last steps: {steps[-12:]}")
        raise


@pytest.mark.parametrize("seed", range(6))
async def test_a_kept_document_is_what_the_log_says(database_url: str, seed: int) -> None:
    ensure_read_models(database_url, [MODEL])
    weights = {
        "follow": 12,
        "read": 24,
        "project": 10,
        "append": 10,
        "tell": 12,
        "begin_append": 3,
        "end_append": 4,
        "pass_time": 3,
        "rebuild": 1,
        "roll_back": 1,
        "erase": 1,
        "change_circuit": 3,
        "doubt": 2,
    }
    async with pools(database_url) as (pool, read_pool):
        with History(seed, database_url, pool, read_pool) as history:
            names = history.random.choices([*weights], [*weights.values()], k=STEPS)
            for number, name in enumerate(names):
                with explained(seed, names[: number + 1]):
                    if (step := getattr(history, name)()) is not None:
                        await step
            assert history.found, "documents were found"


async def test_what_shows_open_circuits_is_found_while_they_are_the_same(
    database_url: str,
) -> None:
    ensure_read_models(database_url, [MODEL])
    async with pools(database_url) as (pool, read_pool):
        with History(0, database_url, pool, read_pool) as history:
            process, person = history.processes[0], history.people[0]
            until = history.world.now() + timedelta(minutes=5)
            for number, host in enumerate((*HOSTS, HOSTS[0])):
                values = [host, until + timedelta(microseconds=number)]
                history.connection.execute(OPEN_CIRCUIT, values)
                process.follow()
                assert process.find(person) is None
                shown, _ = await process.ask(read_pool, person)
                assert process.find(person) == shown
