import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interfaces.cli.main import app
from tests.interfaces.cli.run_cli import easeboard

COMMANDS = {
    "demo": ["--once", "--port", "--courses", "--assignments"],
    "serve": ["--host", "--port", "--roles"],
    "sandbox": ["--port", "--students", "--courses", "--assignments", "--latency-ms", "--seed"],
    "token": ["--user", "--role", "--ttl"],
    "migrate": ["--json"],
    "doctor": ["--json"],
    "projections": [],
    "projections list": ["--json"],
    "projections rebuild": ["--all"],
    "audit": [],
    "audit history": ["--as-of", "--version", "--json"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Example:.*easeboard {command}", " ".join(shown.stdout.split()))
    for option in COMMANDS[command]:
        assert option in shown.stdout


@pytest.mark.parametrize(
    ("module", "left_out"),
    [("cli.main", "interfaces.composition.bootstrap"), ("composition.bootstrap", "fastapi")],
)
def test_nothing_heavy_is_imported_by_who_does_without(module: str, left_out: str) -> None:
    script = f"import sys, interfaces.{module}; print({left_out!r} in sys.modules)"
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_help_lists_what_there_is_and_nothing_that_is_not(empty_home: Path) -> None:
    began = time.monotonic()
    shown = easeboard(empty_home, "--help").stdout
    assert time.monotonic() - began < 2
    listed = re.findall(r"^  (\w+)  ", shown.partition("Commands:")[2], re.MULTILINE)
    assert listed == [command for command in COMMANDS if " " not in command]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["token"],
        ["token", "--user", "me"],
        ["token", "--user", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "--role", "king"],
        ["token", "--user", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "--ttl", "0"],
        ["serve", "--roles", "api,cook"],
        ["serve", "--roles", ","],
        ["serve", "--port", "65536"],
        ["demo", "--courses", "0"],
        ["projections", "rebuild"],
        ["projections", "rebuild", "courses", "--all"],
        ["audit", "history", "me"],
        ["audit", "history", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "--as-of", "soon"],
        [
            *("audit", "history", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            *("--as-of", "2026-09-01", "--version", "1"),
        ],
    ],
    ids=" ".join,
)
def test_whoever_asks_wrong_is_told_so(arguments: list[str]) -> None:
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert refused.stderr
    assert not refused.stdout


def test_the_command_itself_tells_usage_errors_from_failures(empty_home: Path) -> None:
    refused = easeboard(empty_home, "token", "--user", "me")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert not list(empty_home.iterdir())


def test_a_failure_is_one_line_that_names_the_way_out(empty_home: Path) -> None:
    failed = easeboard(empty_home, "serve", DATABASE_URL="mysql://me:word@db/x")
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "DATABASE_URL" in failed.stderr
    assert "word" not in failed.stderr


def test_the_traceback_is_there_for_who_asks(empty_home: Path) -> None:
    address = "postgresql://me@127.0.0.1:1/x"
    failed = easeboard(empty_home, "migrate", DATABASE_URL=address)
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    failed = easeboard(empty_home, "migrate", DATABASE_URL=address, LOG_LEVEL="debug")
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr


def test_the_version_is_told(empty_home: Path) -> None:
    assert re.fullmatch(r"easeboard \d+\.\d+\.\d+\n", easeboard(empty_home, "--version").stdout)
