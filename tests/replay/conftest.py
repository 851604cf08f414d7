"""The database of each recorded release, migrated by the present program."""

import pytest

from infrastructure.all_migrations import apply_migrations
from tests.replay.release_files import Release, read_release, recorded_releases
from tests.replay.stored_rows import restore_database


@pytest.fixture(params=recorded_releases())
def release(request: pytest.FixtureRequest) -> Release:
    return read_release(request.param)


@pytest.fixture
def upgraded_url(empty_database_url: str, release: Release) -> str:
    """The URL of a database of the release, after the migrations that it does not have."""
    restore_database(empty_database_url, release)
    apply_migrations(empty_database_url)
    return empty_database_url
