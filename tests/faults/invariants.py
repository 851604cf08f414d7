"""What must be true after any fault; each law raises when it is broken."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from domain.events.connection import ConnectionClosed, ConnectionOpened
from domain.events.sync import SyncRequested
from infrastructure.projection_engine.rebuild import rebuild_read_model
from projections.registry import READ_MODELS
from tests.faults.client_log import ClientCommand, ClientLog
from tests.faults.history import History, open_log_reader
from tests.projections.table_contents import TableDump, dump_tables


def every_response_is_expected(client_log: ClientLog) -> None:
    """Nobody was told anything but what was done, that it was refused, or to come back later."""
    assert not client_log.unexpected(), client_log.unexpected()


def acknowledged_is_recorded_once(client_log: ClientLog, history: History) -> None:
    """Whatever was acknowledged is in the log exactly once."""
    wrong = [
        command
        for command in client_log.commands
        if command.is_acknowledged and set(_event_counts(command, history)) != {1}
    ]
    assert not wrong, wrong


def _event_counts(command: ClientCommand, history: History) -> Iterator[int]:
    response = command.response
    match command.kind:
        case "setup":
            yield history.connections[ConnectionOpened, UUID(response["connection"]["id"])]
            yield history.requests[UUID(response["sync"]["id"])]
        case "sync":
            yield history.requests[UUID(response["id"])]
        case "cancel":
            yield history.cancelled[UUID(response["id"])]
        case "rotate":
            yield history.rotations[UUID(response["id"]), response["token_fingerprint"]]
        case "close":
            yield history.connections[ConnectionClosed, UUID(command.connection_id)]


def nothing_happens_twice(client_log: ClientLog, history: History) -> None:
    """No run ends twice, no course is new twice, and nobody did more than they asked for."""
    for counter in (
        history.connections,
        history.rotations,
        history.requests,
        history.ends,
        history.courses,
    ):
        assert not _repeated(counter)
    for person in {command.person for command in client_log.commands}:
        opened = history.count(person, ConnectionOpened)
        assert opened <= client_log.count("setup", person)
        assert history.count(person, SyncRequested, trigger="manual") <= client_log.count(
            "sync", person
        )
        assert history.count(person, ConnectionClosed) <= client_log.count("close", person)


def every_run_ended(history: History) -> None:
    """No run is left queued or running."""
    assert history.requests.keys() == history.ends.keys()


def streams_have_no_gaps(url: str) -> None:
    """Versions of a stream follow each other."""
    with psycopg.connect(url) as connection:
        streams = connection.execute(
            """
            SELECT stream
              FROM easeboard.events
             GROUP BY stream
            HAVING max(version) <> count(*)
             ORDER BY stream
            """
        ).fetchall()
    assert not streams


def read_models_equal_a_rebuild(url: str) -> None:
    """The tables that were kept up through all of it are those a rebuild makes, row by row."""
    with open_log_reader(url) as log:
        for model in READ_MODELS:
            before = _dump_live_tables(url, model.name)
            rebuild_read_model(url, log, model)
            assert _dump_live_tables(url, model.name) == before, model.name


def _dump_live_tables(url: str, name: str) -> TableDump:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
        ).fetchone()
        assert row
        return dump_tables(connection, f"{name}_v{row[0]}")


def _repeated(counter: Counter[Any]) -> list[Any]:
    return [what for what, times in counter.items() if times > 1]
