"""Where the database of these settings is."""

from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """The address of the configured database, or of our own, which runs meanwhile."""
    if settings.database_url:
        yield settings.database_url.get_secret_value()
        return
    with EmbeddedPostgres(settings.home) as server:
        yield server.url
