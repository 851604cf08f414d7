"""Reads from the catalog of PostgreSQL what others may do, and what their objects use."""

from typing import Any

from psycopg import Connection


def is_allowed(
    connection: Connection[Any], role: str, relation: str, privilege: str = "SELECT"
) -> bool:
    """Return whether a role has a privilege on a relation."""
    rows = connection.execute(
        "SELECT has_table_privilege(%s, %s, %s)", [role, relation, privilege]
    ).fetchall()
    return bool(rows[0][0])


def select(connection: Connection[Any], statement: str) -> Any:
    """Return the rows of a statement."""
    return connection.execute(statement.encode()).fetchall()


def live_schema(connection: Connection[Any], name: str) -> str:
    """Return the schema of the live version."""
    rows = connection.execute(
        "SELECT name || '_v' || version FROM easeboard.projections"
        " WHERE role = 'live' AND name = %s",
        [name],
    ).fetchall()
    return str(rows[0][0])


def depends_on(connection: Connection[Any], view: str) -> set[str]:
    """Return the schemas of the relations that a view selects from, through other views too."""
    rows = connection.execute(
        """
        WITH RECURSIVE used (oid) AS (
            SELECT %s::regclass::oid
             UNION
            SELECT depend.refobjid
              FROM used
              JOIN pg_rewrite AS rule ON rule.ev_class = used.oid
              JOIN pg_depend AS depend
                ON depend.objid = rule.oid AND depend.classid = 'pg_rewrite'::regclass
               AND depend.refclassid = 'pg_class'::regclass
        )
        SELECT DISTINCT relnamespace::regnamespace::text
          FROM used JOIN pg_class USING (oid)
         WHERE relkind = 'r'
        """,
        [view],
    ).fetchall()
    return {schema for (schema,) in rows}
