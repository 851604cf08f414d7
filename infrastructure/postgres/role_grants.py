"""The rights of the application and of auditors in one database, granted again and again."""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors, sql

LOG_TABLES = ("events", "timelines")
"""What the application may not change but by functions."""

AUDITED_TABLES = (*LOG_TABLES, "seal_tiles", "seal_checkpoints")
"""What auditors may read; triggers let the seals only grow."""

READ_ONLY_TABLES = (*LOG_TABLES, "schema_migrations")

RIGHTS = """
GRANT USAGE ON SCHEMA easeboard TO {application}, {auditor};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA easeboard TO {application};
REVOKE ALL ON {read_only} FROM {application};
GRANT SELECT ON {read_only} TO {application};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA easeboard TO {application};
REVOKE ALL ON easeboard.position FROM {application};
GRANT SELECT ON easeboard.position TO {application};
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA easeboard FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA easeboard TO {application};
GRANT SELECT ON {audited} TO {auditor};
"""

QUEUE_RIGHTS = """
GRANT USAGE ON SCHEMA procrastinate TO {application};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO {application};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA procrastinate TO {application};
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA procrastinate TO {application};
"""

ARE_RIGHTS_COMPLETE = """
SELECT bool_and(is_right)
  FROM (
           SELECT has_table_privilege(%(application)s, oid, 'SELECT')
                  AND CASE WHEN relname = ANY (%(read_only)s)
                           THEN NOT has_table_privilege(
                                    %(application)s, oid,
                                    'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'
                                )
                           ELSE has_table_privilege(%(application)s, oid, 'INSERT')
                                AND has_table_privilege(%(application)s, oid, 'UPDATE')
                                AND has_table_privilege(%(application)s, oid, 'DELETE')
                      END
                  AND has_table_privilege(%(auditor)s, oid, 'SELECT')
                      = (relname = ANY (%(audited)s))
             FROM pg_class
            WHERE relnamespace = 'easeboard'::regnamespace
              AND relkind = 'r'
            UNION ALL
           SELECT has_function_privilege(%(application)s, oid, 'EXECUTE')
                  AND NOT has_function_privilege(%(auditor)s, oid, 'EXECUTE')
             FROM pg_proc
            WHERE pronamespace = 'easeboard'::regnamespace
            UNION ALL
           SELECT has_table_privilege(%(application)s, oid, 'DELETE')
             FROM pg_class
            WHERE relnamespace = to_regnamespace('procrastinate')
              AND relkind = 'r'
            UNION ALL
           SELECT has_function_privilege(%(application)s, oid, 'EXECUTE')
             FROM pg_proc
            WHERE pronamespace = to_regnamespace('procrastinate')
       ) AS rights (is_right)
"""
"""Whether the grants can be left as they are: each one would write to the catalogs."""


def grant_rights(connection: psycopg.Connection[Any], application: str, auditor: str) -> str | None:
    """Grant both roles their rights in this database; returns what an operator has to grant.

    Raises: psycopg.errors.InsufficientPrivilege if the connected role does not own the schema.
    """
    names = {
        "application": sql.Identifier(application),
        "auditor": sql.Identifier(auditor),
        "read_only": _tables(READ_ONLY_TABLES),
        "audited": _tables(AUDITED_TABLES),
    }
    parameters = {
        "application": application,
        "auditor": auditor,
        "read_only": list(READ_ONLY_TABLES),
        "audited": list(AUDITED_TABLES),
    }
    if connection.execute(ARE_RIGHTS_COMPLETE, parameters).fetchone() != (True,):
        connection.execute(sql.SQL(RIGHTS).format(**names))
        cursor = connection.execute("SELECT to_regclass('procrastinate.procrastinate_jobs')")
        if cursor.fetchone() != (None,):
            connection.execute(sql.SQL(QUEUE_RIGHTS).format(**names))
    return _grant_database(connection, application, auditor)


def _tables(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("easeboard", name) for name in names)


def _grant_database(
    connection: psycopg.Connection[Any], application: str, auditor: str
) -> str | None:
    """Let the application create schemas for read models, and both connect."""
    (database,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    statement = sql.SQL(
        "GRANT CONNECT ON DATABASE {database} TO {application}, {auditor}; "
        "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {application}"
    ).format(
        database=sql.Identifier(database),
        application=sql.Identifier(application),
        auditor=sql.Identifier(auditor),
    )
    may_create = "SELECT has_database_privilege(%s, current_database(), 'CREATE')"
    if connection.execute(may_create, [application]).fetchone() == (True,):
        return None
    with suppress(errors.InsufficientPrivilege), connection.transaction():
        connection.execute(statement)
    if connection.execute(may_create, [application]).fetchone() == (True,):
        return None
    return (
        f"The role {application} may not create the schemas of read models: as the owner of the "
        f"database, run GRANT CREATE ON DATABASE {database} TO {application}."
    )
