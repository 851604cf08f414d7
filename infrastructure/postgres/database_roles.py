"""Gives the schema an owner, and to the application and to auditors only what they need.

The roles belong to the whole server and cannot log in: an operator makes the logins of processes
members of them. Each migration repeats the grants, so that they include new tables.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, sql
from psycopg.sql import Identifier

from infrastructure.postgres.role_grants import grant_rights
from infrastructure.postgres.session_settings import APPLICATION_ROLE

OWNER_ROLE = "easeboard_owner"
AUDITOR_ROLE = "easeboard_auditor"
ROLES = (OWNER_ROLE, APPLICATION_ROLE, AUDITOR_ROLE)
OWNED_SCHEMAS = ("easeboard", "procrastinate")

MAX_ATTEMPTS = 5
"""Migrations of several databases of one server may change the same roles at once."""

SELECT_MIGRATOR = """
SELECT current_user, rolsuper, pg_has_role(current_user, nspowner, 'USAGE')
  FROM pg_roles
 CROSS JOIN pg_namespace
 WHERE rolname = current_user
   AND nspname = 'easeboard'
"""

SELECT_PREVIOUS_OWNERS = """
SELECT DISTINCT rolname
  FROM pg_roles
 WHERE NOT rolsuper
   AND rolname <> ALL (%s)
   AND NOT pg_has_role(oid, to_regrole('easeboard_app'), 'MEMBER')
   AND NOT pg_has_role(oid, to_regrole('easeboard_owner'), 'MEMBER')
   AND oid IN (
           SELECT datdba FROM pg_database WHERE datname = current_database()
            UNION ALL
           SELECT relowner FROM pg_class WHERE oid = to_regclass('easeboard.events')
       )
"""

SELECT_OBJECTS = """
SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            ELSE 'TABLE'
       END,
       oid::regclass::text
  FROM pg_class
 WHERE relnamespace = to_regnamespace(%(schema)s)
   AND relkind IN ('r', 'p', 'v', 'm', 'S')
   AND relowner <> to_regrole(%(owner)s)
   AND pg_has_role(current_user, relowner, 'USAGE')
   AND NOT EXISTS (
           SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass
              AND objid = pg_class.oid
              AND relkind = 'S'
              AND deptype IN ('a', 'i')
       )
 UNION ALL
SELECT 'ROUTINE', oid::regprocedure::text
  FROM pg_proc
 WHERE pronamespace = to_regnamespace(%(schema)s)
   AND proowner <> to_regrole(%(owner)s)
   AND pg_has_role(current_user, proowner, 'USAGE')
 UNION ALL
SELECT 'TYPE', oid::regtype::text
  FROM pg_type
 WHERE typnamespace = to_regnamespace(%(schema)s)
   AND typtype IN ('e', 'd')
   AND typowner <> to_regrole(%(owner)s)
   AND pg_has_role(current_user, typowner, 'USAGE')
"""
"""Objects that get another owner; sequences of columns follow their tables."""

SELECT_READ_MODEL_SCHEMAS = """
SELECT nspname
  FROM pg_namespace
 WHERE nspname = 'read'
    OR nspname IN (SELECT name || '_v' || version FROM easeboard.projections)
 ORDER BY nspname
"""


class Migrator(NamedTuple):
    """The role that migrates: its name, whether it is a superuser, and whether it owns the log."""

    name: str
    is_superuser: bool
    is_owner: bool


def apply_database_roles(connection: psycopg.Connection[Any]) -> str | None:
    """Create the roles if this address may, and give them their rights; the caller has a lock.

    Returns what could not be done and why, in one sentence, or None.
    """
    row = connection.execute(SELECT_MIGRATOR).fetchone()
    migrator = Migrator(*row) if row else None
    if migrator is None or not (migrator.is_superuser or migrator.is_owner):
        return None
    try:
        _repeat_if_concurrent(connection, lambda: _create_roles(connection, migrator))
    except errors.InsufficientPrivilege:
        return (
            f"The database roles {', '.join(ROLES)} do not exist, and {migrator.name} may not "
            "create them: the application owns its log (docs/operations.md, Database roles)."
        )
    if migrator.is_superuser or _is_member(connection, OWNER_ROLE):
        for schema in OWNED_SCHEMAS:
            _change_owner(connection, schema, OWNER_ROLE)
    problem = grant_rights(connection, APPLICATION_ROLE, AUDITOR_ROLE)
    if migrator.is_superuser or _is_member(connection, APPLICATION_ROLE):
        for (schema,) in connection.execute(SELECT_READ_MODEL_SCHEMAS).fetchall():
            _change_owner(connection, schema, APPLICATION_ROLE)
    elif problem is None and not _owns_read_models(connection):
        problem = (
            f"The read models do not belong to the role {APPLICATION_ROLE}, so its members cannot "
            f"rebuild them: as a superuser, run GRANT {APPLICATION_ROLE} TO {migrator.name}, and "
            "migrate again."
        )
    return problem


def _owns_read_models(connection: psycopg.Connection[Any]) -> bool:
    cursor = connection.execute(
        "SELECT nspowner = to_regrole(%s) FROM pg_namespace WHERE nspname = 'read'",
        [APPLICATION_ROLE],
    )
    return cursor.fetchone() != (False,)


def _repeat_if_concurrent(connection: psycopg.Connection[Any], work: Callable[[], None]) -> None:
    for attempt in range(MAX_ATTEMPTS):
        try:
            with connection.transaction():
                work()
        except (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_):
            if attempt == MAX_ATTEMPTS - 1:
                raise
        else:
            return


def _create_roles(connection: psycopg.Connection[Any], migrator: Migrator) -> None:
    """Create the missing roles, and make their members: the migrator, or the owner until now.

    If another address has created them, the migrator may be no member, and remains the owner.
    """
    for role in ROLES:
        cursor = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(Identifier(role)))
    if migrator.is_superuser:
        cursor = connection.execute(SELECT_PREVIOUS_OWNERS, [list(ROLES)])
        for (name,) in cursor.fetchall():
            _grant_role(connection, APPLICATION_ROLE, name)
        return
    for role in (OWNER_ROLE, APPLICATION_ROLE):
        if not _is_member(connection, role):
            try:
                with connection.transaction():
                    _grant_role(connection, role, migrator.name)
            except errors.InsufficientPrivilege:
                continue


def _grant_role(connection: psycopg.Connection[Any], role: str, member: str) -> None:
    connection.execute(sql.SQL("GRANT {} TO {}").format(Identifier(role), Identifier(member)))


def _is_member(connection: psycopg.Connection[Any], role: str) -> bool:
    cursor = connection.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", [role])
    return cursor.fetchone() == (True,)


def _change_owner(connection: psycopg.Connection[Any], schema: str, owner: str) -> None:
    """Give a schema and what is in it to a role, where the migrator owns it."""
    cursor = connection.execute(
        """
        SELECT FROM pg_namespace
         WHERE nspname = %s
           AND nspowner <> to_regrole(%s)
           AND pg_has_role(current_user, nspowner, 'USAGE')
        """,
        [schema, owner],
    )
    if cursor.fetchone() is not None:
        _alter_owner(connection, "SCHEMA", Identifier(schema), owner)
    for kind, name in _objects_of(connection, schema, owner):
        # regclass and its relatives quote names where that is needed.
        _alter_owner(connection, kind, sql.SQL(name), owner)


def _objects_of(
    connection: psycopg.Connection[Any], schema: str, owner: str
) -> Iterator[tuple[str, str]]:
    rows: Sequence[tuple[str, str]] = connection.execute(
        SELECT_OBJECTS, {"schema": schema, "owner": owner}
    ).fetchall()
    yield from rows


def _alter_owner(
    connection: psycopg.Connection[Any], kind: str, name: sql.Composable, owner: str
) -> None:
    connection.execute(
        sql.SQL("ALTER {} {} OWNER TO {}").format(
            sql.SQL(kind),
            name,
            Identifier(owner),
        )
    )
