"""Compares the rows of the tables of two PostgreSQL schemas, and computes a digest of them."""

from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor, sql

MAX_NAMED_PEOPLE = 5
"""People that a difference names."""

SELECT_SHADOW_TABLES = """
SELECT relname
  FROM pg_catalog.pg_class
 WHERE relnamespace = pg_my_temp_schema()
   AND relkind = 'r'
 ORDER BY relname
"""

COMPARE = sql.SQL(
    """
    WITH missing AS (
        SELECT t::text AS content, to_jsonb(t) ->> 'person_id' AS person_id FROM {expected} AS t
        EXCEPT ALL
        SELECT t::text, to_jsonb(t) ->> 'person_id' FROM {found} AS t
    ), unexpected AS (
        SELECT t::text AS content, to_jsonb(t) ->> 'person_id' AS person_id FROM {found} AS t
        EXCEPT ALL
        SELECT t::text, to_jsonb(t) ->> 'person_id' FROM {expected} AS t
    )
    SELECT (SELECT count(*) FROM missing), (SELECT count(*) FROM unexpected),
           ARRAY(
               SELECT person_id::uuid
                 FROM (
                          SELECT person_id FROM missing
                           UNION
                          SELECT person_id FROM unexpected
                      ) AS people
                WHERE person_id IS NOT NULL
                ORDER BY 1
                LIMIT {limit}
           )
    """
)

DIGEST = sql.SQL(
    """
    SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(t::text, 0)), 0)::text
      FROM {table} AS t
    """
)
"""The sum of the hashes does not depend on the order of the rows."""


class TableDifference(NamedTuple):
    """How the rows of a live table differ from those of the log."""

    table: str
    missing: int
    """Rows of the log that the live table does not have."""
    unexpected: int
    """Rows of the live table that are not those of the log."""
    people: list[UUID]
    """Some of the people whose rows differ."""


def compare_tables(cursor: Cursor[Any], live: str, shadow: str) -> list[TableDifference]:
    """Compare the temporary tables of this session with those of the same names in a schema."""
    differences = []
    for table in _shadow_tables(cursor):
        found, expected = sql.Identifier(live, table), sql.Identifier(shadow, table)
        if _digest(cursor, found) == _digest(cursor, expected):
            continue
        cursor.execute(
            COMPARE.format(found=found, expected=expected, limit=sql.Literal(MAX_NAMED_PEOPLE))
        )
        [(missing, unexpected, people)] = cursor.fetchall()
        differences.append(TableDifference(table, missing, unexpected, people))
    return differences


def digest_of_tables(cursor: Cursor[Any], schema: str) -> str:
    """Return a digest of all rows of a schema's tables that have a temporary one of their name."""
    digest = blake2b(digest_size=8)
    for table in _shadow_tables(cursor):
        count, total = _digest(cursor, sql.Identifier(schema, table))
        digest.update(f"{table} {count} {total}\n".encode())
    return digest.hexdigest()


def _shadow_tables(cursor: Cursor[Any]) -> list[str]:
    cursor.execute(SELECT_SHADOW_TABLES)
    return [table for (table,) in cursor.fetchall()]


def _digest(cursor: Cursor[Any], table: sql.Identifier) -> tuple[int, str]:
    cursor.execute(DIGEST.format(table=table))
    [(count, total)] = cursor.fetchall()
    return count, total
