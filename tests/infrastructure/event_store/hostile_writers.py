"""Writers that dawdle, change their minds and are killed, and readers that must not care."""

from dataclasses import dataclass, field
from random import Random
from threading import Event as Flag
from typing import Any
from uuid import UUID, uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader

TOPIC = "ConnectionClosed"
STATE = b"\x00{}"

APPEND = """
SELECT easeboard.append(
    %(command)s, %(person)s, false, 'adversary', NULL, NULL,
    %(streams)s::uuid[], %(versions)s::bigint[], %(topics)s::text[], %(states)s::bytea[]
)
"""

MINE = "SELECT position FROM easeboard.events WHERE command_id = %s ORDER BY position"


@dataclass
class Writer:
    """Appends to streams of its own, by turns at once, late, not at all, or until it is killed."""

    url: str
    chance: Random
    appends: int
    acknowledged: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._versions: dict[UUID, int] = {uuid4(): 0 for _ in range(4)}
        self._person = uuid4()

    def work(self) -> None:
        """Make all the appends, on a new connection after each death."""
        self._left = self.appends
        while self._left:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    self._work_on(connection)
            except psycopg.OperationalError:
                continue

    def _work_on(self, connection: psycopg.Connection[Any]) -> None:
        ways = [self._at_once, self._late, self._not_at_all, self._killed]
        while self._left:
            self._left -= 1
            batch = self._batch()
            (way,) = self.chance.choices(ways, weights=[60, 25, 12, 3])
            way(connection, batch)
            for stream, version in batch:
                if way in {self._at_once, self._late}:
                    self._versions[stream] = version

    def _at_once(self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]) -> None:
        self.acknowledged += self._append(connection, batch)

    def _late(self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]) -> None:
        with connection.transaction():
            self._dawdle(connection)
            positions = self._append(connection, batch)
            self._dawdle(connection)
        self.acknowledged += positions

    def _not_at_all(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> None:
        with connection.transaction(force_rollback=True):
            self._append(connection, batch)
            self._dawdle(connection)

    def _killed(self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]) -> None:
        with connection.transaction():
            self._append(connection, batch)
            with psycopg.connect(self.url) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            self._dawdle(connection)

    def _batch(self) -> list[tuple[UUID, int]]:
        versions = self._versions.copy()
        batch = []
        for _ in range(self.chance.randint(1, 5)):
            stream = self.chance.choice(list(versions))
            versions[stream] += 1
            batch.append((stream, versions[stream]))
        return batch

    def _dawdle(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT pg_sleep(%s)", [self.chance.uniform(0, 0.02)])

    def _append(
        self, connection: psycopg.Connection[Any], batch: list[tuple[UUID, int]]
    ) -> list[int]:
        command = uuid4()
        connection.execute(
            APPEND,
            {
                "command": command,
                "person": self._person,
                "streams": [stream for stream, _ in batch],
                "versions": [version for _, version in batch],
                "topics": [TOPIC] * len(batch),
                "states": [STATE] * len(batch),
            },
        )
        rows = connection.execute(MINE, [command])
        return [position for (position,) in rows]


@dataclass
class Follower:
    """Reads the log to its end, in steps of any size."""

    reader: LogReader
    chance: Random
    positions: list[int] = field(default_factory=list)
    versions: dict[UUID, list[int]] = field(default_factory=dict)

    def follow(self, quiet: Flag) -> None:
        """Read until the writers are quiet and nothing is left."""
        after = 0
        while True:
            was_quiet = quiet.is_set()
            safe = self.reader.safe()
            while after < safe:
                batch = self.reader.read(after, safe, [TOPIC], self.chance.randint(1, 200))
                after = batch.upto
                for event, position, *_ in batch.events:
                    self.positions.append(position)
                    self.versions.setdefault(event.originator_id, []).append(
                        event.originator_version
                    )
            if was_quiet:
                return
