"""The files of a recorded release: what its database contained, and what it answered.

`release.json`            names, keys and times that are needed to read the rest
`rows/<table>.jsonl`      the rows of a table, one JSON object in a line; bytes are hexadecimal
`rows/<table>.jsonl.gz`   the same for the tables of read models, which follow from the events
`schemas/<schema>.sql`    the statements that create the tables of a read model
`documents/<person>/<query>.jsonl`  the answers, one JSON document in a line
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

RELEASES = Path(__file__).parent / "releases"
LOG_SCHEMA = "easeboard"
"""The schema of the tables that migrations create."""

Documents = dict[str, list[Any]]
"""The answers that a person gets, by the name of the query."""


@dataclass(frozen=True, kw_only=True)
class RecordedReadModel:
    """A live read model: its PostgreSQL schema, and the tables that have a view."""

    schema: str
    schema_sql: str
    views: list[str]


@dataclass(frozen=True, kw_only=True)
class Database:
    """The rows of a database by table (`schema.table`), as JSON objects."""

    rows: dict[str, list[bytes]]
    sequences: dict[str, int]
    """The last value of each sequence that was used, by `schema.sequence`."""
    read_models: list[RecordedReadModel]


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a release left behind."""

    name: str
    master_key: str
    """A key that encrypts nothing but this recording."""
    sync_interval_minutes: int
    people: dict[str, UUID]
    times: list[datetime]
    """The times for which answers that depend on the clock were requested."""
    database: Database
    documents: dict[str, Documents]
    """The answers by the name of the person."""

    def rows_of(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table of the log as Python objects; none if it was empty."""
        return [orjson.loads(row) for row in self.database.rows.get(f"{LOG_SCHEMA}.{table}", [])]


def recorded_releases() -> list[str]:
    """Return the names of all recorded releases, oldest first."""
    return sorted(folder.name for folder in RELEASES.iterdir() if folder.is_dir())


def write_release(release: Release, folder: Path) -> None:
    """Write the files of a release to a folder, which must not exist.

    Raises: FileExistsError if it does: a recording is never changed.
    """
    folder.mkdir(parents=True)
    (folder / "release.json").write_bytes(_encode_manifest(release))
    for table, rows in release.database.rows.items():
        _write_lines(folder / "rows" / _file_name(table), rows)
    for model in release.database.read_models:
        schema = folder / "schemas" / f"{model.schema}.sql"
        schema.parent.mkdir(exist_ok=True)
        schema.write_text(model.schema_sql, "utf-8")
    for person, documents in release.documents.items():
        for query, items in documents.items():
            lines = [orjson.dumps(item) for item in items]
            _write_lines(folder / "documents" / person / f"{query}.jsonl", lines)


def read_release(name: str) -> Release:
    """Read the files of a recorded release."""
    folder = RELEASES / name
    manifest = orjson.loads((folder / "release.json").read_bytes())
    return Release(
        name=manifest["name"],
        master_key=manifest["master_key"],
        sync_interval_minutes=manifest["sync_interval_minutes"],
        people={person: UUID(id_) for person, id_ in manifest["people"].items()},
        times=[datetime.fromisoformat(time) for time in manifest["times"]],
        database=Database(
            rows={_table_of(file): _read_lines(file) for file in _files(folder / "rows")},
            sequences=manifest["sequences"],
            read_models=[*_read_models(folder, manifest["views"])],
        ),
        documents={
            person: {
                file.stem: [orjson.loads(line) for line in _read_lines(file)]
                for file in _files(folder / "documents" / person)
            }
            for person in manifest["people"]
        },
    )


def _encode_manifest(release: Release) -> bytes:
    return orjson.dumps(
        {
            "name": release.name,
            "master_key": release.master_key,
            "sync_interval_minutes": release.sync_interval_minutes,
            "people": release.people,
            "times": release.times,
            "sequences": release.database.sequences,
            "views": {model.schema: model.views for model in release.database.read_models},
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def _read_models(folder: Path, views: Mapping[str, list[str]]) -> Iterator[RecordedReadModel]:
    for schema, tables in views.items():
        schema_sql = (folder / "schemas" / f"{schema}.sql").read_text("utf-8")
        yield RecordedReadModel(schema=schema, schema_sql=schema_sql, views=tables)


def _file_name(table: str) -> str:
    return f"{table}.jsonl" if table.startswith(f"{LOG_SCHEMA}.") else f"{table}.jsonl.gz"


def _table_of(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".jsonl")


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if ".jsonl" in file.suffixes)


def _write_lines(file: Path, lines: Iterable[bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(line + b"\n" for line in lines)
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def _read_lines(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()
