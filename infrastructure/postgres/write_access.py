"""Finds out whether the database takes writes and this role may use it, without writing."""

from typing import LiteralString

from infrastructure.postgres.errors import DRIVER_ERRORS, DatabaseBusy, DatabaseUnavailable
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.postgres.session_replacement import replace_sessions
from infrastructure.postgres.timeouts import TimedConnection

CHECK_TIMEOUT_SECONDS = 2.0

SELECT_WRITE_STATE = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"

SELECT_RIGHTS: LiteralString = """
SELECT (
           SELECT bool_and(has_function_privilege(oid, 'EXECUTE'))
             FROM pg_proc
            WHERE pronamespace = 'easeboard'::regnamespace
              AND proname = 'append'
       ),
       (
           SELECT bool_and(
                      has_schema_privilege(view.relnamespace, 'USAGE')
                      AND has_table_privilege(view.oid, 'SELECT')
                  )
             FROM easeboard.projections AS live
             JOIN pg_class AS stored
               ON stored.relnamespace = to_regnamespace(live.name || '_v' || live.version)
             JOIN pg_class AS view
               ON view.relnamespace = to_regnamespace('read')
              AND view.relname = stored.relname
              AND view.relkind = 'v'
            WHERE live.role = 'live'
       )
"""
"""Whether events can be appended, and the live read models queried; NULL if there are none."""

STANDBY = (
    "read-only: the server is a standby; name the primary in DATABASE_URL, or several hosts, "
    "of which the primary is used"
)
READ_ONLY = (
    "read-only: default_transaction_read_only is on for the server, the database or the role, as "
    "a provider sets it when the disk is nearly full; changes are refused until it is off"
)


REVOKED = (
    "the user of DATABASE_URL lacks a right to append events or to query read models; run "
    "easeboard doctor"
)


async def find_revoked_right(pool: ReadPool) -> str | None:
    """Return that a right is missing without which most requests fail, or None.

    Raises: the errors of psycopg.
    """
    async with pool.connection() as connection:
        row = await (await connection.execute(SELECT_RIGHTS)).fetchone()
    return REVOKED if row and False in row else None


def find_write_obstacle(pool: WritePool) -> str | None:
    """Return why writes are refused, or None; blocks.

    If all connections of the pool are in use, a new one shows the state: load is no obstacle.

    Raises:
        DatabaseUnavailable: If the database cannot be reached or does not respond in time.
    """
    try:
        ((is_standby, is_read_only),) = execute(
            pool, SELECT_WRITE_STATE, timeout_seconds=CHECK_TIMEOUT_SECONDS
        )
    except DatabaseBusy:
        is_standby, is_read_only = _read_state(str(pool.conninfo))
    if is_standby or is_read_only:
        # The state may have changed for new sessions only.
        replace_sessions(pool)
        return STANDBY if is_standby else READ_ONLY
    return None


def _read_state(conninfo: str) -> tuple[bool, bool]:
    try:
        with TimedConnection.connect(conninfo, autocommit=True) as connection:
            connection.response_timeout_seconds = CHECK_TIMEOUT_SECONDS
            state: tuple[bool, bool] | None = connection.execute(SELECT_WRITE_STATE).fetchone()
            return state or (False, False)
    except DRIVER_ERRORS as error:
        raise DatabaseUnavailable(str(error)) from error
