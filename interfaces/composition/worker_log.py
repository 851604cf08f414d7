"""Opens the event log in a worker process of a rebuild, which is started with the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import open_write_pool
from infrastructure.settings.settings import Settings
from interfaces.composition.startup_checks import load_master_keys


@contextmanager
def open_log_of_worker(url: str, settings: Settings) -> Iterator[LogReader]:
    """Open the log with connections of its own; raises InvalidMasterKey."""
    with open_write_pool(url, size=2) as pool:
        yield LogReader(pool, Mapper(PersonKeys(pool, load_master_keys(settings))))
