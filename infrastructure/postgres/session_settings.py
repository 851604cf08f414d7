"""The settings of a database session, made after it is connected.

libpq can send them when it connects (`options`), but poolers such as PgBouncer refuse that.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.postgres.conninfo import names_in_options

APPLICATION_ROLE = "easeboard_app"
"""The role that may use the schema and does not own it; see decision 0028."""

COMMON_SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "search_path": "public",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "row_security": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
}
"""What statements rely on, whatever the server, the database or the role has set.

`default_transaction_read_only` is not among them: a provider sets it so that nothing is written.
"""

NOTHING: Mapping[str, str] = MappingProxyType({})

DISCARD = "DISCARD ALL"
"""Removes what an earlier client has left, if a pooler reuses sessions without resetting them."""

SET_ALL = sql.SQL(
    """
SET LOCAL statement_timeout = 0;
SELECT set_config(name, value, FALSE)
  FROM unnest({names}::text[], {values}::text[]) AS given (name, value)
 UNION ALL
SELECT set_config('role', rolname, FALSE)
  FROM pg_roles
 WHERE rolname = {role}
   AND pg_has_role(session_user, oid, 'MEMBER')
   AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
   AND NOT EXISTS (
           SELECT FROM pg_namespace
            WHERE nspname = 'easeboard'
              AND pg_has_role(session_user, nspowner, 'MEMBER')
       )
   AND has_schema_privilege(oid, to_regnamespace('easeboard'), 'USAGE')
"""
)
"""A member of the application role acts as this role, so that all members own what one creates.

The owner of the schema and superusers act as themselves.
"""


class SessionSettings:
    """Settings of the sessions with one server: the common ones, `extra` ones and `fixed` ones.

    The `options` of the URL take precedence over the others, but not over the fixed ones.
    """

    def __init__(self, url: str, fixed: Mapping[str, str] = NOTHING, /, **extra: str) -> None:
        given = names_in_options(url)
        defaults = {**COMMON_SETTINGS, **extra}
        self._values = {
            **{name: value for name, value in defaults.items() if name not in given},
            **fixed,
        }

    def apply(self, connection: psycopg.Connection[Any]) -> None:
        """Make the settings, which last as long as the session."""
        was_autocommit = connection.autocommit
        connection.autocommit = True
        set_all = self._set_all(connection.info)
        connection.execute(DISCARD)
        connection.execute(set_all)
        connection.autocommit = was_autocommit

    async def apply_async(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Make the settings, which last as long as the session."""
        was_autocommit = connection.autocommit
        await connection.set_autocommit(True)
        set_all = self._set_all(connection.info)
        await connection.execute(DISCARD)
        await connection.execute(set_all)
        await connection.set_autocommit(was_autocommit)

    def _set_all(self, info: psycopg.ConnectionInfo) -> sql.Composed:
        # Behind a pooler, DISCARD ALL removes the name that it has set for this client.
        name = info.parameter_status("application_name") or ""
        settings = {"application_name": name, **self._values}
        return SET_ALL.format(
            names=list(settings), values=list(settings.values()), role=APPLICATION_ROLE
        )
