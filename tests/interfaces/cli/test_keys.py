"""`easeboard keys rotate` beside a running service, and secrets that commands refuse."""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.deadlines import scaled
from tests.dev_tokens import SECRET
from tests.interfaces.cli.demo_student import api_client, connect, running_canvas
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard, wait_for_log
from tests.server_folders import SERVER_SETTINGS

KEY_1 = "k1=hex:" + "0123456789abcdef" * 4
KEY_2 = "k2=hex:" + "fedcba9876543210" * 4
BOTH = f"{KEY_2},{KEY_1}"
PUBLISHED = "super-secret-jwt-token-with-at-least-32-characters-long"


@pytest.fixture
def database(empty_home: Path) -> Iterator[str]:
    """The URL of a migrated server, which the commands get as DATABASE_URL."""
    with EmbeddedPostgres(empty_home, settings=SERVER_SETTINGS) as server:
        apply_migrations(server.url)
        yield server.url


def records_by_key(url: str) -> dict[str, int]:
    with psycopg.connect(url) as session:
        return dict(
            session.execute(
                """
                SELECT key_id, count(*)
                  FROM (
                           SELECT key_id FROM easeboard.people_keys
                            UNION ALL
                           SELECT key_id FROM easeboard.canvas_tokens
                            UNION ALL
                           SELECT key_id FROM easeboard.seal_keys
                       ) AS records
                 GROUP BY key_id
                """
            ).fetchall()
        )


def wait_for_sealing_key(url: str) -> None:
    """Wait until the projector has made the key of the seals, soon after its start."""
    deadline = time.monotonic() + scaled(30)
    with psycopg.connect(url, autocommit=True) as session:
        while session.execute("SELECT FROM easeboard.seal_keys").fetchone() is None:
            assert time.monotonic() < deadline, "the projector has made no key"
            time.sleep(0.05)


@dataclass
class Operator:
    """Someone who runs the service and the command with keys of their choice."""

    home: Path
    variables: dict[str, str]

    def rotate(self, keys: str, *options: str) -> tuple[int, str, str]:
        environment = self.variables | {"CANVAS_ENCRYPTION_KEY": keys}
        result = run_easeboard(self.home, "keys", "rotate", *options, **environment)
        return result.returncode, result.stdout, result.stderr

    @contextmanager
    def serving(self, keys: str, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Serve with these keys; yield the process and its URL."""
        environment = self.variables | {"CANVAS_ENCRYPTION_KEY": keys}
        with running_easeboard(
            self.home, "serve", "--port", "0", log=log, **environment
        ) as process:
            yield process, wait_for_log(log, "serving")["url"]


@pytest.fixture
async def operator(database: str, empty_home: Path, tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator of a service with a person, their token and a sealing key under the first key."""
    async with running_canvas() as (sandbox, variables):
        operator = Operator(empty_home, variables | {"DATABASE_URL": database})
        with operator.serving(KEY_1, tmp_path / "setup") as (_, url):
            async with api_client(empty_home, url) as student:
                await connect(student, sandbox)
            wait_for_sealing_key(database)
        yield operator


def test_a_rotation_is_refused_while_a_process_lacks_the_key(
    operator: Operator, database: str, tmp_path: Path
) -> None:
    with operator.serving(KEY_1, tmp_path / "log") as (process, _):
        code, output, error = operator.rotate(BOTH)
        assert (code, output) == (1, "")
        assert f":{process.pid}:" in error
        assert "not every process has the master key `k2`" in error
        assert "Traceback" not in error
    assert records_by_key(database) == {"k1": 3}


def test_a_rotation_makes_the_old_key_superfluous(
    operator: Operator, database: str, tmp_path: Path
) -> None:
    with operator.serving(BOTH, tmp_path / "log"):
        code, output, _ = operator.rotate(BOTH)
        assert code == 0
        assert "The master key k2 is the active one now." in output
        assert "Encrypted 3 records with k2" in output
        assert "remove it from CANVAS_ENCRYPTION_KEY of every process." in output
        code, output, _ = operator.rotate(BOTH, "--json")
        document = json.loads(output)
        assert document.pop("seconds") >= 0
        assert document == {
            "active": "k2",
            "activated": False,
            "rewrapped": 0,
            "remaining": {"person_keys": 0, "tokens": 0, "seal_keys": 0},
            "removable": ["k1"],
        }
    assert records_by_key(database) == {"k2": 3}
    code, output, error = operator.rotate(KEY_2)
    assert (code, error) == (0, "")
    assert "Every record is encrypted with the active master key k2 already." in output
    code, _, error = operator.rotate(KEY_1)
    assert code == 1
    assert "`k2`, which CANVAS_ENCRYPTION_KEY does not contain" in error


@pytest.mark.parametrize("command", [("migrate",), ("keys", "rotate"), ("doctor",)])
@pytest.mark.parametrize("log_level", ["info", "debug"])
def test_no_command_shows_a_part_of_a_password_that_is_not_escaped(
    empty_home: Path, command: tuple[str, ...], log_level: str
) -> None:
    result = run_easeboard(
        empty_home,
        *command,
        DATABASE_URL="postgresql://easeboard:Xq7@Zw9k/Vb4n?Jh2m#Lp6d%Rt8s@127.0.0.1:1/easeboard",
        CANVAS_ENCRYPTION_KEY=KEY_1,
        SUPABASE_JWT_SECRET=SECRET,
        LOG_LEVEL=log_level,
    )
    assert result.returncode == 1
    output = result.stdout + result.stderr
    assert "Connection refused" in output
    for part in ("Xq7@", "Zw9k", "Vb4n", "Jh2m", "Lp6d", "Rt8s"):
        assert part not in output


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("serve", "--host", "0.0.0.0", "--port", "0"), {}),  # noqa: S104  # it is refused
        (("serve", "--host", "::", "--port", "0"), {}),
        (("serve", "--port", "0"), {"DATABASE_URL": "postgresql://me@127.0.0.1:1/x"}),
        (
            ("token", "--user", "00000000-0000-4000-8000-00000000ada1"),
            {"DATABASE_URL": "postgresql://me@127.0.0.1:1/x"},
        ),
    ],
)
def test_a_published_secret_is_refused_where_others_could_use_it(
    empty_home: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    variables = {"SUPABASE_JWT_SECRET": PUBLISHED, "CANVAS_ENCRYPTION_KEY": KEY_1, **variables}
    result = run_easeboard(empty_home, *arguments, **variables)
    assert result.returncode == 1
    assert "SUPABASE_JWT_SECRET" in result.stderr
    assert "openssl rand -hex 32" in result.stderr
    assert PUBLISHED not in result.stdout + result.stderr


def test_a_published_secret_signs_development_tokens_of_the_embedded_database(
    empty_home: Path,
) -> None:
    user = "00000000-0000-4000-8000-00000000ada1"
    result = run_easeboard(empty_home, "token", "--user", user, SUPABASE_JWT_SECRET=PUBLISHED)
    assert result.returncode == 0
    assert result.stdout.count(".") == 2
