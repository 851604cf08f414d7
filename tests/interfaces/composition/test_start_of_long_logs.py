"""A process starts without reading the log, however long that is."""

from typing import Any

import psycopg

from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from tests.interfaces.queries.audited_log import MASTER_KEY

FILL = """
INSERT INTO easeboard.events (stream, version, topic, command_id, person_id, state, actor)
SELECT md5((nth % 200)::text)::uuid, nth / 200 + 1, 'CourseFetched', gen_random_uuid(),
       md5((nth % 200)::text)::uuid, '\\x00', 'test'
  FROM generate_series(0, 19999) AS nth
"""
READ_ROWS = """
SELECT pg_stat_force_next_flush(), seq_tup_read + coalesce(idx_tup_fetch, 0)
  FROM pg_stat_user_tables
 WHERE relid = 'easeboard.events'::regclass
"""
"""How many rows of the log were read, by whatever plan, by processes that have ended."""


def read_rows(connection: psycopg.Connection[Any]) -> int:
    ((_, rows),) = connection.execute(READ_ROWS).fetchall()
    return int(rows)


async def test_a_start_reads_few_rows_of_the_log(database_url: str) -> None:
    settings = read_settings(
        _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        # The summaries of a BRIN index, which autovacuum makes, count as reads of the table.
        connection.execute("ALTER TABLE easeboard.events SET (autovacuum_enabled = off)")
        connection.execute(FILL)
        connection.execute("ANALYZE easeboard.events")
        before = read_rows(connection)
        async with bootstrap(settings) as process:
            assert process.log_reader.settled_place(1).position == 20_000
            assert (await process.service.health()).required["database"] == "ok"
        assert read_rows(connection) - before < 100
