"""What tables have of a person, before and after an erasure."""

import asyncio
from uuid import UUID

import psycopg

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.end_to_end.conftest import Client

MODELS = [
    *("connections", "courses", "assignments", "grades", "grade_history", "sync_log"),
    "dashboard_stats",
]
TABLES_WITH_PEOPLE = """
SELECT table_schema || '.' || table_name
  FROM information_schema.columns
 WHERE column_name = 'person_id'
   AND table_schema <> 'read'
"""
KEPT_TABLES = {"easeboard.events", "easeboard.people_keys", "easeboard.erasures"}
"""Tables that keep the id of an erased person; `gone` of a read model has it as a tombstone."""


async def texts_of(client: Client, sandbox: Sandbox) -> set[str]:
    """Return texts of a person's data: names of courses, assignments and user, and the token."""
    data = await client.get("/api/v1/canvas/data")
    names = {each["name"] for kind in ("courses", "assignments") for each in data[kind]}
    user = data["connections"][0]["canvas_user"]["name"]
    return {name for name in names if name} | {user, sandbox.tokens[0]["token"]}


def rows_of(url: str, person: UUID) -> dict[str, int]:
    """Return how many rows each table has of a person, without tables that have none."""
    counts = {}
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(TABLES_WITH_PEOPLE).fetchall():
            statement = f"SELECT count(*) FROM {table} WHERE person_id = %s"  # noqa: S608  # of the catalog
            [(count,)] = connection.execute(statement.encode(), [person]).fetchall()
            if count:
                counts[table] = count
    return counts


async def are_only_tombstones(url: str, person: UUID) -> bool:
    """Return whether the tables have nothing of a person but their tombstones."""
    rows = await asyncio.to_thread(rows_of, url, person)
    others = {table: count for table, count in rows.items() if table not in KEPT_TABLES}
    return others == {f"{name}_v1.gone": 1 for name in MODELS}
