"""A sealed and published log for each test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog


@pytest.fixture
def log(
    database_url: str, embedded_postgres: EmbeddedPostgres, tmp_path: Path
) -> Iterator[SealedTestLog]:
    """700 sealed events with gaps between their positions, 100 of them in a second checkpoint.

    20 more are not sealed. The rows of a test are those of a superuser, who can change everything.
    """
    with psycopg.connect(database_url) as connection:
        name = connection.info.dbname
    url = psycopg.conninfo.make_conninfo(embedded_postgres.admin_url, dbname=name)
    log = SealedTestLog(url, tmp_path / "seals")
    with closing(log.connection):
        log.append(255)
        log.leave_gap(3)
        log.append(345)
        log.seal()
        log.leave_gap()
        log.append(100)
        log.seal()
        log.publish()
        log.append(20)
        yield log
