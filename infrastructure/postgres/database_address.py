"""Provides the URL of the configured database, or of the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import make_conninfo

from infrastructure.postgres.embedded.embedded_postgres import SUPERUSER, EmbeddedPostgres
from infrastructure.settings.invalid_settings import require_usable_home
from infrastructure.settings.settings import Settings


class NoDatabase(Exception):
    """The embedded database has not been created yet; the message has what creates it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"There is no database in {settings.home} (EASEBOARD_HOME) yet; easeboard serve "
            "creates it."
        )


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured database.

    If none is configured, start the embedded server, yield its URL, and stop it at the end.

    Raises:
        InvalidSettings: If the embedded database cannot be in EASEBOARD_HOME.
        PostgresUnavailable: If the embedded server cannot be started.
    """
    if settings.database_url:
        yield settings.database_url.get_secret_value()
        return
    require_usable_home(settings.home)
    with EmbeddedPostgres(settings.home) as server:
        yield server.url


@contextmanager
def open_existing_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of the database, which is not created if it is missing.

    Raises: NoDatabase; otherwise as `open_database`.
    """
    require_existing_database(settings)
    with open_database(settings) as url:
        yield url


def require_existing_database(settings: Settings) -> None:
    """Require a configured database, or an embedded one that has been created.

    Raises: NoDatabase; InvalidSettings if the embedded one cannot be in EASEBOARD_HOME.
    """
    if not settings.embedded:
        return
    require_usable_home(settings.home)
    if not (settings.home / "postgres").exists():
        raise NoDatabase(settings)


def migration_address(settings: Settings, url: str) -> str:
    """Return the address with which to migrate: in the embedded server, that of its superuser.

    The processes of the embedded database are the application, which does not own the log.
    """
    return make_conninfo(url, user=SUPERUSER) if settings.embedded else url
