"""Provides the URL of the configured database, or of the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import make_conninfo

from infrastructure.postgres.embedded.embedded_postgres import SUPERUSER, EmbeddedPostgres
from infrastructure.settings.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured database.

    If none is configured, start the embedded server, yield its URL, and stop it at the end.

    Raises: PostgresUnavailable if the embedded server cannot be started.
    """
    if settings.database_url:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.home) as server:
        yield server.url


def migration_address(settings: Settings, url: str) -> str:
    """Return the address with which to migrate: in the embedded server, that of its superuser.

    The processes of the embedded database are the application, which does not own the log.
    """
    return make_conninfo(url, user=SUPERUSER) if settings.embedded else url
