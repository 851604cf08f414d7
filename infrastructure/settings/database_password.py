"""Puts a password that is configured apart into the address of the database.

Programs that build the address by inserting a password, such as docker compose, cannot escape it.
"""

from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infrastructure.settings.database_url import (
    DATABASE_URL_SCHEMES,
    InvalidDatabaseUrl,
    SplitUrl,
    split_libpq_url,
)


def to_database_url(address: str, password: str | None = None) -> str:
    """Return the URL of an address, which may be a URL or `host=… dbname=…`, with this password.

    Raises: InvalidDatabaseUrl if libpq cannot parse the address.
    """
    if address.startswith(DATABASE_URL_SCHEMES):
        if password is None:
            return address
        return split_libpq_url(address)._replace(password=password).escaped()
    if password is not None:
        # It may have a quote in it, which would end it there.
        address = address.replace(f"password='{password}'", "")
    try:
        parameters = conninfo_to_dict(address)
    except (psycopg.Error, UnicodeDecodeError):
        raise InvalidDatabaseUrl from None
    values = {name: str(value) for name, value in parameters.items() if value is not None}
    return _build_url(values if password is None else values | {"password": password})


def _build_url(parameters: dict[str, str]) -> str:
    """Return a URL; everything except the user and the password is in its query."""
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in parameters.items()
        if name not in {"user", "password"}
    )
    user, password = parameters.get("user"), parameters.get("password")
    return SplitUrl("postgresql", user, password, f"/?{query}").escaped()
