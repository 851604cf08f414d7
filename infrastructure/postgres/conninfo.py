"""Builds connection strings that name each session and detect a server that disappeared."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.postgres.errors import PostgresUnavailable

_CONNECT_TIMEOUT_SECONDS = 3


def build_conninfo(url: str, *, name: str, **settings: str) -> str:
    """Return a connection string for libpq; `settings` of the server are set in each session.

    Parameters in the URL take precedence over the defaults.

    Raises: PostgresUnavailable if libpq cannot parse the URL; the message contains no part of it.
    """
    url_parameters = {key: value for key, value in _parse_url(url).items() if value is not None}
    options = [f"-c {key}={value}" for key, value in settings.items()]
    options.append(str(url_parameters.pop("options", "")))
    defaults: dict[str, Any] = {
        "application_name": f"easeboard {name}",
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # Without it psycopg waits without end for a server that neither responds nor closes.
        # libpq ignores it on Unix sockets.
        "tcp_user_timeout": 15_000,
    }
    return make_conninfo(**{**defaults, **url_parameters, "options": " ".join(options).strip()})


def _parse_url(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message of libpq repeats parts of the URL, and with them the password.
        raise PostgresUnavailable(
            "DATABASE_URL is not a URL that libpq can parse: "
            "write @ : / ? # % in the password as %XX."
        ) from None
