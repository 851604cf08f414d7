"""What must be true after any fault: each function raises AssertionError if it is not."""

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
    """Clients received no response that an injected fault does not explain."""
    unexpected = client_log.unexpected()
    assert not unexpected, f"Clients received unexpected responses: {unexpected}"


def acknowledged_is_recorded_once(client_log: ClientLog, history: History) -> None:
    """Each acknowledged command is in the event log exactly once."""
    wrong = [
        command
        for command in client_log.commands
        if command.is_acknowledged and set(_event_counts(command, history)) != {1}
    ]
    assert not wrong, f"Acknowledged commands are not in the log exactly once: {wrong}"


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
    """No effect is recorded twice, and no person has more effects than commands."""
    for name in ("connections", "rotations", "requests", "ends", "courses"):
        repeated = _repeated(getattr(history, name))
        assert not repeated, f"These {name} are recorded more than once: {repeated}"
    for person in {command.person for command in client_log.commands}:
        opened = history.count(person, ConnectionOpened)
        assert opened <= client_log.count("setup", person)
        assert history.count(person, SyncRequested, trigger="manual") <= client_log.count(
            "sync", person
        )
        assert history.count(person, ConnectionClosed) <= client_log.count("close", person)


def every_run_ended(history: History) -> None:
    """No run is left queued or running."""
    assert history.requests.keys() == history.ends.keys(), "Some requested runs have no end."


def streams_have_no_gaps(url: str) -> None:
    """The versions of each stream are consecutive."""
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
    assert not streams, f"Versions are missing in these streams: {streams}"


def read_models_equal_a_rebuild(url: str) -> None:
    """The tables of each read model equal those of a rebuild, row by row."""
    with open_log_reader(url) as log:
        for model in READ_MODELS:
            before = _dump_live_tables(url, model.name)
            rebuild_read_model(url, log, model)
            after = _dump_live_tables(url, model.name)
            assert after == before, f"A rebuild of {model.name} changes its rows"


def _dump_live_tables(url: str, name: str) -> TableDump:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
        ).fetchone()
        assert row
        return dump_tables(connection, f"{name}_v{row[0]}")


def _repeated(counter: Counter[Any]) -> list[Any]:
    return [key for key, count in counter.items() if count > 1]
