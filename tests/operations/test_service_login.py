"""The login that docker-compose.yml makes for the processes, on a server that checks passwords."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.all_migrations import apply_migrations
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY, postgres15_url

SCRIPT = Path(__file__).parents[2] / "infrastructure" / "postgres" / "service_login.sql"
PASSWORDS = ["it's \\ \"quoted\" $HOME `id` :'password' ä", "another"]


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    """The parameters of a server where only the superuser needs no password."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules:
        rules.write("local all postgres trust\nlocal all all scram-sha-256\n")
        rules.flush()
        Path(rules.name).chmod(0o644)
        with postgres15_url(hba_file=rules.name) as url:
            assert url
            yield {key: value for key, value in conninfo_to_dict(url).items() if value}


def run_script(server: dict[str, Any], password: str) -> None:
    variables = {"PGHOST": server["host"], "PGPORT": server["port"], "PGDATABASE": "postgres"}
    subprocess.run(  # noqa: S603  # as the container does it
        [BINARIES_DIRECTORY / "psql", "--no-psqlrc", "--quiet", f"--file={SCRIPT}"],
        env=os.environ | variables | {"PGUSER": "postgres", "SERVICE_PASSWORD": password},
        check=True,
    )


def test_the_login_has_the_newest_password_and_cannot_change_the_log(
    server: dict[str, Any],
) -> None:
    apply_migrations(make_conninfo(**server))
    login = server | {"user": "easeboard_service"}
    for password in [*PASSWORDS, *PASSWORDS]:
        run_script(server, password)
        with psycopg.connect(**login, password=password) as connection:
            assert connection.execute("SELECT count(*) FROM easeboard.events").fetchone() == (0,)
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("DELETE FROM easeboard.events")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**login, password=PASSWORDS[0] + "x")
