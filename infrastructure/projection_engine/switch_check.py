"""Compares the new version of a read model with the live one, right before the cut-over.

Both are compared in one snapshot and at one position, without a lock on the live one. If the
definition of the read model is the same, the rows must be the same; otherwise they are counted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import structlog
from psycopg import Connection, Cursor, sql
from psycopg.errors import SerializationFailure

from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.read_model import fingerprint, subscribed_topics
from infrastructure.projection_engine.rebuild_steps import (
    MAX_CUT_OVER_LAG_POSITIONS,
    Rebuild,
    apply_rebuild_batch,
)
from infrastructure.projection_engine.row_counts import TableCount
from infrastructure.projection_engine.table_comparison import DIGEST
from infrastructure.projection_engine.versions import schema_name

ALIGN_ATTEMPTS = 40
ALIGN_PAUSE_SECONDS = 0.05
"""The live version is behind the new one for a moment: it is waited for, 2 s at most."""
COMPARISON_TIMEOUT_SECONDS = 3600.0

SELECT_POSITIONS = """
SELECT live.version, live.position, live.fingerprint,
       live.paused_at IS NULL AND owners.until >= clock_timestamp()
  FROM easeboard.projections AS live
  LEFT JOIN easeboard.projection_owners AS owners
    ON owners.name = live.name
 WHERE live.name = %s
   AND live.role = 'live'
"""

SELECT_TABLES = """
SELECT class.relname
  FROM easeboard.projections AS version
  JOIN pg_catalog.pg_class AS class
    ON class.relnamespace = to_regnamespace(quote_ident(version.name || '_v' || version.version))
   AND class.relkind = 'r'
   AND class.relname = ANY (coalesce(version.tables, ARRAY[class.relname::text]))
 WHERE version.name = %s
   AND version.version = %s
 ORDER BY class.relname
"""

RECORD_CHECK = """
UPDATE easeboard.projections
   SET verified_at       = clock_timestamp(),
       verified_position = %s,
       verified_digest   = %s,
       verified_result   = %s
 WHERE name = %s
   AND version = %s
"""

Result = Literal["ok", "different", "counted"]
logger = structlog.get_logger()


class SwitchCheck(NamedTuple):
    """What was found before a cut-over, at a position of the log at which both versions were."""

    name: str
    old_version: int
    new_version: int
    position: int
    tables: list[TableCount]
    old_digest: str
    new_digest: str
    result: Result
    """`ok`; `different` if the live rows are not those of the log; `counted` if the definition of
    the read model has changed, so that they may differ."""


ReportCheck = Callable[[SwitchCheck], None]


def ignore_check(_: SwitchCheck) -> None:
    """Report nothing."""


def check_switch(
    connection: Connection[Any], rebuild: Rebuild, start: int, source: EventSource
) -> tuple[int, SwitchCheck | None]:
    """Compare the live version with the new one; return the checkpoint of that, and the result.

    The new version, which is at `start`, first catches up with the live one. There is no result if
    the live version is behind and does not move, or is far ahead.

    Raises: RebuildLost if another builder took over; errors of psycopg.
    """
    for _ in range(ALIGN_ATTEMPTS):
        try:
            with _repeatable_read(connection) as cursor:
                cursor.execute(SELECT_POSITIONS, [rebuild.model.name])
                [(version, position, definition, is_moving)] = cursor.fetchall()
                if start <= position <= start + MAX_CUT_OVER_LAG_POSITIONS:
                    if start < position:
                        topics = subscribed_topics([rebuild.model])
                        batch = source.read(start, position, topics, MAX_CUT_OVER_LAG_POSITIONS)
                        apply_rebuild_batch(connection, rebuild, start, batch)
                    return position, _compare(cursor, rebuild, version, position, definition)
        except SerializationFailure:
            continue
        if not is_moving or position > start:
            break
        time.sleep(ALIGN_PAUSE_SECONDS)
    return start, None


@contextmanager
def _repeatable_read(connection: Connection[Any]) -> Iterator[Cursor[Any]]:
    """Open a transaction with one snapshot, whose statements may take an hour."""
    seconds = vars(connection).get("response_timeout_seconds")
    vars(connection)["response_timeout_seconds"] = COMPARISON_TIMEOUT_SECONDS
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = 0")
            yield cursor
    finally:
        vars(connection)["response_timeout_seconds"] = seconds


def _compare(
    cursor: Cursor[Any], rebuild: Rebuild, old_version: int, position: int, definition: str
) -> SwitchCheck:
    name = rebuild.model.name
    old, old_digest = _digests(cursor, name, old_version)
    new, new_digest = _digests(cursor, name, rebuild.version)
    result: Result = "counted"
    if definition == fingerprint(rebuild.model):
        result = "ok" if old_digest == new_digest else "different"
    if result == "ok":
        cursor.execute(RECORD_CHECK, [position, new_digest, result, name, rebuild.version])
    return SwitchCheck(
        name,
        old_version,
        rebuild.version,
        position,
        [
            TableCount(table, old.get(table), new.get(table))
            for table in sorted(old.keys() | new.keys())
        ],
        old_digest,
        new_digest,
        result,
    )


def _digests(cursor: Cursor[Any], name: str, version: int) -> tuple[dict[str, int], str]:
    """Return the number of rows of each table of a version, and a digest of all rows.

    It is that of `digest_of_tables` for the same rows.
    """
    cursor.execute(SELECT_TABLES, [name, version])
    counts, digest = {}, blake2b(digest_size=8)
    for (table,) in cursor.fetchall():
        source = sql.Identifier(schema_name(name, version), table)
        cursor.execute(DIGEST.format(table=source))
        [(count, total)] = cursor.fetchall()
        counts[table] = count
        digest.update(f"{table} {count} {total}\n".encode())
    return counts, digest.hexdigest()


def log_check(check: SwitchCheck) -> None:
    """Log what was found before a cut-over; a difference is a warning."""
    write = logger.warning if check.result == "different" else logger.info
    write(
        "projection.checked",
        projection=check.name,
        result=check.result,
        position=check.position,
        rows={each.table: (each.old, each.new) for each in check.tables},
        digests=(check.old_digest, check.new_digest),
    )
