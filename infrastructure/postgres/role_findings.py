"""Finds what the login of the application may do to the log beyond appending to it."""

import psycopg

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.errors import unreachable

ADVICE = "see docs/operations.md, Database roles"

SELECT_RIGHTS = """
SELECT rolsuper,
       pg_has_role(session_user, relowner, 'MEMBER'),
       array(
           SELECT privilege
             FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege
            WHERE has_table_privilege(session_user, pg_class.oid, privilege)
       ),
       has_parameter_privilege(session_user, 'session_replication_role', 'SET'),
       pg_has_role(session_user, 'pg_execute_server_program', 'MEMBER')
  FROM pg_class
 CROSS JOIN pg_roles
 WHERE pg_class.oid = to_regclass('easeboard.events')
   AND rolname = session_user
"""


def find_excess_rights(url: str) -> list[str]:
    """Return a sentence for each right by which the login could rewrite the log; changes nothing.

    The list is empty for a member of the application role, and before the first migration.

    Raises: PostgresUnavailable if the database cannot be reached.
    """
    try:
        with psycopg.connect(build_conninfo(url, name="check")) as connection:
            row = connection.execute(SELECT_RIGHTS).fetchone()
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    return _describe(*row) if row else []


def _describe(
    is_superuser: bool,  # noqa: FBT001  # the columns of the query
    is_owner: bool,  # noqa: FBT001  # as above
    privileges: list[str],
    may_switch_triggers_off: bool,  # noqa: FBT001  # as above
    may_run_programs: bool,  # noqa: FBT001  # as above
) -> list[str]:
    if is_superuser:
        return [f"superuser: the role may do everything on the server; {ADVICE}"]
    if is_owner:
        return [f"owns the log: the role may drop it and what protects it; {ADVICE}"]
    findings = []
    if privileges:
        findings.append(f"may {', '.join(privileges)} on easeboard.events; {ADVICE}")
    if may_switch_triggers_off:
        findings.append(f"may set session_replication_role, which turns triggers off; {ADVICE}")
    if may_run_programs:
        findings.append(f"is a member of pg_execute_server_program; {ADVICE}")
    return findings
