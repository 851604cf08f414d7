"""What must be true after any fault; each law raises when it is broken."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from domain.events.connection import ConnectionClosed, ConnectionOpened
from domain.events.sync import SyncRequested
from infrastructure.projection_engine.rebuild import rebuild
from projections.registry import READ_MODELS
from tests.faults.client_log import Command, Journal
from tests.faults.history import History, log_reader
from tests.projections.table_contents import Dump, dump


def every_answer_is_one_of_ours(journal: Journal) -> None:
    """Nobody was told anything but what was done, that it was refused, or to come back later."""
    assert not journal.faults(), journal.faults()


def acknowledged_is_recorded_once(journal: Journal, history: History) -> None:
    """Whatever was acknowledged is in the log exactly once."""
    lost = [
        command
        for command in journal.commands
        if command.is_acknowledged and set(_times(command, history)) != {1}
    ]
    assert not lost, lost


def _times(command: Command, history: History) -> Iterator[int]:
    answer = command.answer
    match command.kind:
        case "setup":
            yield history.connections[ConnectionOpened, UUID(answer["connection"]["id"])]
            yield history.requests[UUID(answer["sync"]["id"])]
        case "sync":
            yield history.requests[UUID(answer["id"])]
        case "cancel":
            yield history.cancelled[UUID(answer["id"])]
        case "rotate":
            yield history.rotations[UUID(answer["id"]), answer["token_fingerprint"]]
        case "close":
            yield history.connections[ConnectionClosed, UUID(command.about)]


def nothing_happens_twice(journal: Journal, history: History) -> None:
    """No run ends twice, no course is new twice, and nobody did more than they asked for."""
    for counter in (
        history.connections,
        history.rotations,
        history.requests,
        history.ends,
        history.courses,
    ):
        assert not _repeated(counter)
    for person in {command.person for command in journal.commands}:
        opened = history.by(person, ConnectionOpened)
        assert opened <= journal.asked("setup", person)
        assert history.by(person, SyncRequested, trigger="manual") <= journal.asked("sync", person)
        assert history.by(person, ConnectionClosed) <= journal.asked("close", person)


def every_run_ended(history: History) -> None:
    """No run is left queued or running."""
    assert history.requests.keys() == history.ends.keys()


def no_stream_has_a_hole(url: str) -> None:
    """Versions of a stream follow each other."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            """
            SELECT stream
              FROM easeboard.events
             GROUP BY stream
            HAVING max(version) <> count(*)
             ORDER BY stream
            """
        ).fetchall()
    assert not found


def read_models_equal_a_rebuild(url: str) -> None:
    """The tables that were kept up through all of it are those a rebuild makes, row by row."""
    with log_reader(url) as log:
        for model in READ_MODELS:
            before = _live(url, model.name)
            rebuild(url, log, model)
            assert _live(url, model.name) == before, model.name


def _live(url: str, name: str) -> Dump:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
        ).fetchone()
        assert row
        return dump(connection, f"{name}_v{row[0]}")


def _repeated(counter: Counter[Any]) -> list[Any]:
    return [what for what, times in counter.items() if times > 1]
