"""Two event logs on one server, easeboard's and eventsourcing's, for the same events."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import eventsourcing.persistence as library
import psycopg
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from domain.event import Event
from domain.events.sync import CourseFetchFailed, Progress
from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.causes import new_event_ids, own_causes
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.recorder import Append, AppendMetadata, Recorder
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.benchmarks.cpu_clocks import ServerCpu

PEOPLE = [uuid4() for _ in range(100)]
MASTER_KEY = "hex:" + "0123456789abcdef" * 4
WRITER_COUNT = 8


@dataclass
class EventLogs:
    """Both event logs; `eventsourcing` is the unmodified store of the library."""

    url: str
    pool: WritePool
    mapper: Mapper
    eventsourcing: library.EventStore[UUID]
    server: ServerCpu
    """The CPU time of the PostgreSQL server."""

    def append(self, batch: Sequence[Event], by: AppendMetadata) -> int:
        """Append to easeboard's log as its store does: encrypted, in one round trip."""
        rows = self.mapper.to_stored_events(batch, by.person_id)
        ids = new_event_ids(len(batch))
        append = Append(rows, by, ids, own_causes(batch, ids))
        return self._recorder.append([append], timeline=self._recorder.timeline()).position

    @cached_property
    def _recorder(self) -> Recorder:
        return Recorder(self.pool)


def new_events(stream: UUID, count: int) -> list[Event]:
    """Create events of about 400 bytes that begin a new stream."""
    fields: dict[str, Any] = {
        "connection_id": uuid4(),
        "sync_id": uuid4(),
        "course_id": "104857",
        "code": "canvas-timeout",
        "detail": "Canvas did not respond in time. " * 5,
        "progress": Progress(total=40, done=17, failed=1),
        "timestamp": datetime(2026, 9, 1, tzinfo=UTC),
        "originator_id": stream,
    }
    return [
        CourseFetchFailed(**fields, originator_version=version) for version in range(1, count + 1)
    ]


def write_events(url: str, mapper: Mapper, events: Iterable[RecordedEvent]) -> None:
    """Fill the event log with COPY; each event is encrypted with the key of its person."""
    columns = "stream, version, topic, recorded_at, actor, command_id, person_id, state"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY easeboard.events ({columns}) FROM STDIN") as copy:
            for recorded in events:
                (row,) = mapper.to_stored_events([recorded.event], recorded.person_id)
                metadata = ("benchmark", uuid4(), recorded.person_id)
                copy.write_row((*row[:3], recorded.recorded_at, *metadata, row.state))
        cursor.execute("ANALYZE easeboard.events")


def append_metadata(nth: int) -> AppendMetadata:
    """Metadata of an append about one of PEOPLE."""
    return AppendMetadata(
        person_id=PEOPLE[nth % len(PEOPLE)], encrypted=True, actor="benchmark", correlation_id="b"
    )


@contextmanager
def open_logs() -> Iterator[EventLogs]:
    """Start a PostgreSQL server, with fsync as in production, and create both logs."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        url = stack.enter_context(EmbeddedPostgres(home)).url
        migrate(url)
        pool = stack.enter_context(open_write_pool(url, size=WRITER_COUNT))
        pool.wait()
        mapper = Mapper(PersonKeys(pool, parse_key_ring(MASTER_KEY), cache_seconds=3600))
        eventsourcing = _open_eventsourcing_log(url)
        stack.callback(eventsourcing.recorder.datastore.close)  # type: ignore[attr-defined]  # a PostgreSQL recorder has it
        with pool.connection() as connection:
            server = ServerCpu(connection.info.backend_pid)
        yield EventLogs(url, pool, mapper, eventsourcing, server)


def _open_eventsourcing_log(url: str) -> library.EventStore[UUID]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA eventsourcing")
    conninfo = conninfo_to_dict(url)
    datastore = PostgresDatastore(
        str(conninfo["dbname"]),
        str(conninfo["host"]),
        str(conninfo.get("port", 5432)),
        str(conninfo["user"]),
        str(conninfo.get("password", "")),
        schema="eventsourcing",
        pool_size=WRITER_COUNT,
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    transcoder = library.JSONTranscoder()
    for transcoding in (library.UUIDAsHex(), library.DatetimeAsISO(), library.DecimalAsStr()):
        transcoder.register(transcoding)
    return library.EventStore(library.Mapper(transcoder), recorder)
