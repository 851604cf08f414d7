"""How we connect: a peer that went silent is noticed, and every session says who it is."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.postgres.errors import PostgresUnavailable

_CONNECT_TIMEOUT_SECONDS = 3


def build_conninfo(url: str, *, name: str, **settings: str) -> str:
    """A connection string for libpq; the server's `settings` hold in each of its sessions.

    Whatever the URL says about a parameter comes first. Raises PostgresUnavailable.
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
        # psycopg waits for ever on a peer that neither answers nor closes; libpq leaves this
        # out on Unix sockets.
        "tcp_user_timeout": 15_000,
    }
    return make_conninfo(**{**defaults, **url_parameters, "options": " ".join(options).strip()})


def _parse_url(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq's complaint repeats parts of the URL, the password among them.
        raise PostgresUnavailable("DATABASE_URL is no address libpq understands.") from None
