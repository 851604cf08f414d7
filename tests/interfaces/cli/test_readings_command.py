"""`easeboard audit readings` prints who read what; without a purpose nothing is read."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import environment, run_easeboard

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
CONNECTION = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.fixture
def variables(database_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "CANVAS_ENCRYPTION_KEY": MASTER_KEY}


def test_a_list_that_was_read_is_in_the_next_one(
    empty_home: Path, variables: dict[str, str]
) -> None:
    command = ["audit", "readings", "--json"]
    first = run_easeboard(empty_home, *command, "--purpose", "yearly review", **variables)
    assert (first.returncode, json.loads(first.stdout)) == (0, {"items": []})
    options = ["--since", "2026-01-01", "--limit", "1", "--purpose", "Rückfrage"]
    second = run_easeboard(empty_home, *command, *options, **variables)
    [reading] = json.loads(second.stdout)["items"]
    assert (reading["what"], reading["purpose"]) == ("readings", "yearly review")
    assert (reading["connection_id"], reading["user_id"]) == (None, None)
    reader = reading["reader"]
    assert reader.startswith("cli:")
    selection = ["audit", "readings", "--reader", reader, "--limit", "1", "--purpose=test"]
    table = run_easeboard(empty_home, *selection, **variables)
    assert table.returncode == 0, table.stderr
    assert "Rückfrage" in table.stdout
    assert "readings since=2026-01-01T00:00:00Z" in table.stdout
    assert "these are the newest 1" in table.stdout


@pytest.mark.parametrize("command", [["readings"], ["history", CONNECTION]])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "write why you read this"),
        (["--purpose", "  "], "write why you read this"),
        (["--purpose", "x" * 201], "it has 201"),
    ],
    ids=["none", "blank", "long"],
)
def test_without_a_purpose_it_is_a_usage_error(
    empty_home: Path, command: list[str], options: list[str], reason: str
) -> None:
    result = run_easeboard(empty_home, "audit", *command, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--purpose" in result.stderr
    assert reason in " ".join(result.stderr.split())


def test_a_history_that_cannot_be_recorded_is_not_printed(
    empty_home: Path, variables: dict[str, str]
) -> None:
    assert run_easeboard(empty_home, "migrate", **variables).returncode == 0
    with psycopg.connect(variables["DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no place is left'; END $$;"
            " CREATE TRIGGER refuse BEFORE INSERT ON easeboard.events"
            " FOR EACH ROW EXECUTE FUNCTION public.refuse()"
        )
    result = run_easeboard(empty_home, "audit", "readings", "--purpose=test", **variables)
    assert (result.returncode, result.stdout) == (1, "")


@pytest.mark.parametrize(("answer", "code"), [("yearly review", 0), ("", 2)])
def test_a_person_at_a_terminal_is_asked_once(
    empty_home: Path, variables: dict[str, str], answer: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "interfaces.cli", "audit", "readings", "--json"],
        env=environment(empty_home, **variables),
        cwd=empty_home,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = read_until(ours, b"recorded: ")
        os.write(ours, answer.encode() + b"\n")
        assert process.stdout
        output = process.stdout.read()
    assert process.returncode == code
    assert shown.count(b"Purpose of this reading") == 1
    assert output == (b'{"items":[]}\n' if code == 0 else b"")
    os.close(ours)


def read_until(terminal: int, end: bytes) -> bytes:
    """Return what a process writes to its terminal, up to a text."""
    shown, deadline = b"", time.monotonic() + scaled(30)
    while not shown.endswith(end) and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 1000)
    assert shown.endswith(end), shown
    return shown
