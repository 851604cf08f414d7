from collections.abc import Iterator

import pytest

from tests.infrastructure.postgres.debian_server import postgres15_url
from tests.operations.installation import Installation, new_installation


@pytest.fixture(scope="session")
def debian_server_url() -> Iterator[str]:
    """The URL of a PostgreSQL of Debian, as superuser."""
    with postgres15_url() as url:
        assert url, "PostgreSQL 15 of Debian is missing: apt-get install postgresql-15"
        yield url


@pytest.fixture
def installation(debian_server_url: str) -> Iterator[Installation]:
    with new_installation(debian_server_url) as installation:
        yield installation
