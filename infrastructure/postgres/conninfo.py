"""Builds connection strings that name each session and detect a server that disappeared."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.postgres.errors import PostgresUnavailable
from infrastructure.settings.database_url import (
    DATABASE_URL_SCHEMES,
    InvalidDatabaseUrl,
    parse_libpq_url,
)

_CONNECT_TIMEOUT_SECONDS = 3
_OPTION_PATTERN = re.compile(r"(?:-c\s*|--)([\w.-]+)=")


def build_conninfo(url: str, *, name: str) -> str:
    """Return a connection string for libpq.

    Parameters in the URL take precedence over the defaults. Poolers refuse `options`, so there are
    none unless the URL has them; SessionSettings makes the settings of the session afterwards.

    Raises: PostgresUnavailable if libpq cannot parse the URL; the message contains no part of it.
    """
    url_parameters = {key: value for key, value in _parse_url(url).items() if value is not None}
    defaults: dict[str, Any] = {
        "application_name": f"easeboard {name}",
        "client_encoding": "UTF8",
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        # Otherwise libpq sends those of PGOPTIONS.
        "options": "",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # Without it psycopg waits without end for a server that neither responds nor closes.
        # libpq ignores it on Unix sockets.
        "tcp_user_timeout": 15_000,
    }
    if "," in f"{url_parameters.get('host', '')}{url_parameters.get('hostaddr', '')}":
        # Of several servers one is the primary, after a failover another one than before.
        defaults["target_session_attrs"] = "primary"
    return make_conninfo(**{**defaults, **url_parameters})


def names_in_options(url: str) -> frozenset[str]:
    """Return the names of the settings that the `options` of the URL set, in lower case.

    Raises: PostgresUnavailable if libpq cannot parse the URL.
    """
    options = str(_parse_url(url).get("options") or "")
    return frozenset(name.lower() for name in _OPTION_PATTERN.findall(options))


def _parse_url(url: str) -> dict[str, Any]:
    try:
        if url.startswith(DATABASE_URL_SCHEMES):
            return conninfo_to_dict(**parse_libpq_url(url))
        return conninfo_to_dict(url)
    except (psycopg.ProgrammingError, InvalidDatabaseUrl):
        # The message of libpq repeats parts of the URL, and with them the password.
        raise PostgresUnavailable(
            "DATABASE_URL is not a URL that libpq can parse: "
            "it should be postgresql://user:password@host:5432/database."
        ) from None
