"""Writers that are slow, roll back or are killed, and readers that must not be affected."""

from dataclasses import dataclass, field
from random import Random
from threading import Event as Flag
from typing import Any
from uuid import UUID, uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader

TOPIC = "ConnectionClosed"
STATE = b"\x00{}"

CALL_APPEND = """
SELECT easeboard.append(
    %(command)s, %(person)s, false, 'adversary', NULL, NULL,
    %(streams)s::uuid[], %(versions)s::bigint[], %(topics)s::text[], %(states)s::bytea[]
)
"""

SELECT_COMMAND_POSITIONS = (
    "SELECT position FROM easeboard.events WHERE command_id = %s ORDER BY position"
)


@dataclass
class Writer:
    """Appends to its own streams at random: at once, slowly, rolled back, or killed."""

    url: str
    rng: Random
    appends: int
    acknowledged_positions: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._versions: dict[UUID, int] = {uuid4(): 0 for _ in range(4)}
        self._person = uuid4()

    def append_all(self) -> None:
        """Make all appends, with a new connection after each killed one."""
        self._remaining = self.appends
        while self._remaining:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    self._append_on(connection)
            except psycopg.OperationalError:
                continue

    def _append_on(self, connection: psycopg.Connection[Any]) -> None:
        strategies = [
            self._append_immediately,
            self._append_slowly,
            self._roll_back,
            self._kill_session,
        ]
        while self._remaining:
            self._remaining -= 1
            batch = self._batch()
            (strategy,) = self.rng.choices(strategies, weights=[60, 25, 12, 3])
            strategy(connection, batch)
            for stream, version in batch:
                if strategy in {self._append_immediately, self._append_slowly}:
                    self._versions[stream] = version

    def _append_immediately(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> None:
        self.acknowledged_positions += self._append(connection, batch)

    def _append_slowly(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> None:
        with connection.transaction():
            self._sleep(connection)
            positions = self._append(connection, batch)
            self._sleep(connection)
        self.acknowledged_positions += positions

    def _roll_back(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> None:
        with connection.transaction(force_rollback=True):
            self._append(connection, batch)
            self._sleep(connection)

    def _kill_session(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> None:
        with connection.transaction():
            self._append(connection, batch)
            with psycopg.connect(self.url) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            self._sleep(connection)

    def _batch(self) -> list[tuple[UUID, int]]:
        versions = self._versions.copy()
        batch = []
        for _ in range(self.rng.randint(1, 5)):
            stream = self.rng.choice(list(versions))
            versions[stream] += 1
            batch.append((stream, versions[stream]))
        # The events of one stream are next to each other, as those of an aggregate are.
        return sorted(batch)

    def _sleep(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT pg_sleep(%s)", [self.rng.uniform(0, 0.02)])

    def _append(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> list[int]:
        command = uuid4()
        connection.execute(
            CALL_APPEND,
            {
                "command": command,
                "person": self._person,
                "streams": [stream for stream, _ in batch],
                "versions": [version for _, version in batch],
                "topics": [TOPIC] * len(batch),
                "states": [STATE] * len(batch),
            },
        )
        rows = connection.execute(SELECT_COMMAND_POSITIONS, [command])
        return [position for (position,) in rows]


@dataclass
class PagingReader:
    """Reads the log to its end, in pages of random size."""

    reader: LogReader
    rng: Random
    positions: list[int] = field(default_factory=list)
    versions: dict[UUID, list[int]] = field(default_factory=dict)

    def read_to_end(self, writers_done: Flag) -> None:
        """Read until the writers have ended and no event is left."""
        after = 0
        while True:
            was_done = writers_done.is_set()
            high_water_mark = self.reader.high_water_mark()
            while after < high_water_mark:
                page = self.reader.read(after, high_water_mark, [TOPIC], self.rng.randint(1, 200))
                after = page.up_to
                for event, position, *_ in page.events:
                    self.positions.append(position)
                    self.versions.setdefault(event.originator_id, []).append(
                        event.originator_version
                    )
            if was_done:
                return
