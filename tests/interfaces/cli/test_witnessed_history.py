"""A served log with a witness of its own, as an operator sets both up; then it is rewritten."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.signatures import parse_vkey
from infrastructure.seals.trust_policy import TrustPolicy
from tests.canvas_builders import assignment, course
from tests.deadlines import scaled
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.interfaces.cli.run_cli import (
    run_easeboard,
    running_easeboard,
    stop,
    wait_for_log,
)
from tests.projections.event_builders import EventLogBuilder, StudentAccount

KEY = "hex:" + "0f" * 16 + "f0" * 16
SECRET = "a development secret, and long enough"
SERVE = ("serve", "--port", "0", "--roles", "projector")


class Installation:
    """A served database with a directory of seals, and a superuser who can change every row."""

    def __init__(self, home: Path, url: str, admin_url: str) -> None:
        self.home, self.seals = home, home / "seals"
        self._events = EventLogBuilder()
        self.policy_file = home / "witnesses.policy"
        self.variables = {
            "DATABASE_URL": url,
            "SUPABASE_JWT_SECRET": SECRET,
            "CANVAS_ENCRYPTION_KEY": KEY,
            "SEAL_DIR": str(self.seals),
            "LOG_FORMAT": "json",
        }
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        self.admin_url = psycopg.conninfo.make_conninfo(admin_url, dbname=name)

    def append_student(self) -> None:
        first_new = len(self._events.events)
        account = StudentAccount(self._events, uuid4())
        account.open().run((course("101"), [assignment("1"), assignment("2")]))
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            LogBuilder(connection).append(self._events.events[first_new:])

    def serve_until(self, condition: Callable[[], bool], log: str, **variables: str) -> None:
        with running_easeboard(
            self.home, *SERVE, log=self.home / log, **self.variables, **variables
        ) as process:
            deadline = time.monotonic() + scaled(60)
            while not condition():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert stop(process) == 0

    def replace_history(self) -> None:
        """Change an old event, and forget what was sealed and published; the key remains."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            for table in ("events", "seal_tiles", "seal_checkpoints"):
                connection.execute(f"ALTER TABLE easeboard.{table} DISABLE TRIGGER ALL")
            connection.execute(
                "UPDATE easeboard.events SET actor = 'somebody else' WHERE position ="
                " (SELECT min(position) FROM easeboard.events)"
            )
            connection.execute("DELETE FROM easeboard.seal_tiles")
            connection.execute("DELETE FROM easeboard.seal_checkpoints")
            connection.execute("DELETE FROM easeboard.seal_witnesses")
            for table in ("events", "seal_tiles", "seal_checkpoints"):
                connection.execute(f"ALTER TABLE easeboard.{table} ENABLE TRIGGER ALL")
        shutil.rmtree(self.seals)

    def doctor(self) -> tuple[bool, str]:
        result = run_easeboard(
            self.home,
            "doctor",
            "--json",
            SEAL_WITNESSES=str(self.policy_file),
            **self.variables,
        )
        checks = {each["check"]: each for each in json.loads(result.stdout)["checks"]}
        return checks["witnesses"]["ok"], checks["witnesses"]["detail"]

    def witnessed_size(self, policy: TrustPolicy) -> int:
        note = (self.seals / "checkpoint.witnessed").read_bytes()
        key = parse_vkey((self.seals / "vkey").read_text())
        return policy.verify(note, [key]).checkpoint.size


@pytest.fixture
def installation(
    empty_home: Path, database_url: str, embedded_postgres: EmbeddedPostgres
) -> Installation:
    apply_migrations(database_url)
    return Installation(empty_home, database_url, embedded_postgres.admin_url)


def test_a_witness_finds_a_history_that_was_replaced_as_a_whole(
    installation: Installation,
) -> None:
    home, seals = installation.home, installation.seals
    installation.append_student()
    installation.serve_until((seals / "checkpoint").exists, "log-1")
    vkey = (seals / "vkey").read_text()
    witness = ("witness", "--log", vkey, "--key", "w.key", "--port", "0", "--name", "w.example")
    with running_easeboard(home, *witness, log=home / "witness-log") as process:
        assert process.stdout
        line = [process.stdout.readline() for _ in range(4)][-1]
        installation.policy_file.write_text(f"{line}quorum w.example\n")
        policy = parse_policy(installation.policy_file.read_bytes())
        witnesses = {"SEAL_WITNESSES": str(installation.policy_file)}

        installation.append_student()
        published = seals / "checkpoint.witnessed"
        installation.serve_until(published.exists, "log-2", **witnesses)
        size = installation.witnessed_size(policy)
        ok, detail = installation.doctor()
        assert (ok, detail) == (True, f"w.example has signed {size} of {size} events")

        installation.replace_history()
        ok, detail = installation.doctor()
        assert (ok, detail) == (True, "nothing is sealed yet")
        log = home / "log-3"
        installation.serve_until(
            lambda: log.exists() and "history_contradicted" in log.read_text(), "log-3", **witnesses
        )
        assert wait_for_log(log, "history_contradicted")["witnesses"] == ["w.example"]
        assert not published.exists()
    ok, detail = installation.doctor()
    assert not ok
    assert "The history contradicts its witnesses. w.example: " in detail
    assert f"does not continue the one of {size} entries" in detail
