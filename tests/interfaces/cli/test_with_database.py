import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.postgres.embedded.binaries import POSTGRES_MAJOR_VERSION
from interfaces.cli.with_database import libpq_environment
from tests.interfaces.cli.run_cli import COMMAND_TIMEOUT_SECONDS, environment, run_easeboard

URL = "postgresql://ada:p%40ss%20w%2Frd%27@db.school.edu:6543/grades?sslmode=verify-full"
SHOW_ADDRESS = 'echo "$PGUSER|$PGPASSWORD|$PGHOST|$PGPORT|$PGDATABASE|$PGSSLMODE"'


def test_a_program_gets_the_address_that_dot_env_has(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL={URL}\n")
    result = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "interfaces.cli", "with-database", "sh", "-c", SHOW_ADDRESS],
        env=environment(home, PGHOST="other", PGDATABASE="other", PGSERVICE="other", PGUSER="bob"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "ada|p@ss w/rd'|db.school.edu|6543|grades|verify-full\n"
    assert result.stderr == ""


def test_the_embedded_database_and_its_programs_are_used_without_an_address(home: Path) -> None:
    result = run_easeboard(
        home, "with-database", "psql", "-Atc", "SELECT current_user, current_database()"
    )
    assert (result.stdout, result.returncode) == ("easeboard|easeboard\n", 0)


def test_the_programs_of_the_embedded_server_come_before_those_of_path(
    home: Path, tmp_path: Path
) -> None:
    older = tmp_path / "pg_dump"
    older.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.0'\n")
    older.chmod(0o755)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    result = run_easeboard(home, "with-database", "pg_dump", "--version", PATH=path)
    assert f"(PostgreSQL) {POSTGRES_MAJOR_VERSION}" in result.stdout


def test_a_query_of_several_lines_reaches_the_program(home: Path) -> None:
    result = run_easeboard(home, "with-database", "psql", "-Atc", "SELECT 1,\n 'a\u200bb'")
    assert (result.stdout, result.returncode) == ("1|a\u200bb\n", 0)


def test_a_failure_of_the_program_is_one_of_the_command(home: Path) -> None:
    result = run_easeboard(home, "with-database", "psql", "-c", "SELECT no_such_column")
    assert result.returncode == 1
    assert "no_such_column" in result.stderr
    assert result.stderr.splitlines()[-1] == "easeboard: psql ended with exit code 1."


def test_a_missing_program_is_named_with_its_package(home: Path) -> None:
    result = run_easeboard(home, "with-database", "pg_no_such_program", "--help")
    assert result.returncode == 1
    assert "pg_no_such_program is not installed" in result.stderr
    assert "postgresql-client" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgresql://u:a%25b@h1,h2:1,2/d?target_session_attrs=any&options=-c%20x%3D1",
        "postgresql:///d?host=%2Ftmp%2Fsocket&service=s",
    ],
)
def test_every_parameter_that_libpq_reads_from_a_variable_is_given(url: str) -> None:
    variables = {
        "user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT",
        "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "options": "PGOPTIONS",
        "target_session_attrs": "PGTARGETSESSIONATTRS", "service": "PGSERVICE",
    }  # fmt: skip
    given = libpq_environment(url)
    for name, value in conninfo_to_dict(url).items():
        assert given[variables[name]] == value


def test_an_interrupt_reaches_the_program_and_not_the_command(home: Path) -> None:
    script = "trap 'echo cancelled; exit 0' INT; echo ready; while true; do sleep 0.05; done"
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "interfaces.cli", "with-database", "sh", "-c", script],
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "cancelled\n"
        assert process.wait(COMMAND_TIMEOUT_SECONDS) == 0
