import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from interfaces.cli.errors import describe_in_one_line
from interfaces.cli.main import app
from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import run_easeboard

COMMANDS = {
    "demo": ["--once", "--port", "--courses", "--assignments"],
    "serve": ["--host", "--port", "--roles"],
    "sandbox": ["--port", "--students", "--courses", "--assignments", "--latency-ms", "--seed"],
    "token": ["--user", "--role", "--ttl"],
    "migrate": ["--json"],
    "doctor": ["--json"],
    "projections": [],
    "projections list": ["--json"],
    "projections rebuild": ["--all", "--json"],
    "projections verify": ["--sample", "--json"],
    "projections pause": ["--json"],
    "projections resume": ["--json"],
    "projections rollback": ["--json"],
    "projections dead-letters": ["--retry", "--skip", "--json"],
    "audit": [],
    "audit history": [
        *("--as-of", "--version", "--type", "--since", "--until", "--after-position", "--sort"),
        *("--limit", "--all", "--purpose", "--json"),
    ],
    "audit readings": ["--reader", "--connection", "--since", "--limit", "--purpose", "--json"],
    "audit view": ["--as-of", "--purpose", "--json"],
    "audit diff": ["--from", "--to", "--purpose", "--json"],
    "audit export": ["--out", "--purpose"],
    "audit verify": ["--vkey", "--policy", "--since", "--seal-dir", "--json"],
    "keys": [],
    "keys rotate": ["--json"],
    "receipt": [],
    "receipt verify": ["--vkey", "--policy", "--json"],
    "status": ["--json"],
    "syncing": ["on", "off", "--json"],
    "listen": ["--url", "--token", "--user", "--json"],
    "erase": ["--user", "--delete-auth-user", "--yes", "--json"],
    "with-database": ["COMMAND"],
    "witness": ["--log", "--key", "--host", "--port", "--name", "--ml-dsa", "--json"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert re.search(rf"Example:.*easeboard {command}", " ".join(result.stdout.split()))
    for option in COMMANDS[command]:
        assert option in result.stdout


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "demo"])
def test_every_command_can_use_the_running_demo(command: str) -> None:
    assert "--demo" in CliRunner().invoke(app, [*command.split(), "--help"]).stdout


@pytest.mark.parametrize("command", [command for command in COMMANDS if COMMANDS[command]])
def test_every_parameter_has_help_and_every_value_an_example(command: str) -> None:
    group: Any = typer.main.get_command(app)
    for name in command.split():
        group = group.commands[name]
    for parameter in group.params:
        is_flag = getattr(parameter, "is_flag", False)
        assert parameter.help, parameter.name
        assert is_flag or "for example" in parameter.help, parameter.name


@pytest.mark.parametrize(
    ("module", "excluded"),
    [("cli.main", "interfaces.composition.bootstrap"), ("composition.bootstrap", "fastapi")],
)
def test_slow_imports_are_left_out_where_they_are_not_needed(module: str, excluded: str) -> None:
    script = f"import sys, interfaces.{module}; print({excluded!r} in sys.modules)"
    result = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=scaled(60),
    )
    assert result.stdout.strip() == "False"


def test_help_lists_exactly_the_existing_commands(empty_home: Path) -> None:
    result = run_easeboard(empty_home, "--help").stdout
    listed = re.findall(r"^  ([\w-]+)  ", result.partition("Commands:")[2], re.MULTILINE)
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
        ["audit", "view", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"],
        ["audit", "diff", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "--to", "2026-09-01"],
        ["audit", "export", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"],
        ["receipt", "verify"],
        ["erase"],
        ["listen", "--user", "me"],
        ["witness"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_an_error(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert not result.stdout


def test_a_usage_error_exits_with_2_and_creates_no_files(empty_home: Path) -> None:
    result = run_easeboard(empty_home, "token", "--user", "me")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert not list(empty_home.iterdir())


def test_a_failure_is_one_line_that_names_the_setting(empty_home: Path) -> None:
    result = run_easeboard(empty_home, "status", DATABASE_URL="mysql://me:word@db/x")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "DATABASE_URL" in result.stderr
    assert "word" not in result.stderr


@pytest.mark.parametrize(
    "error", [psycopg.OperationalError("lost.\nWhy?"), RuntimeError(), OSError(2, "x")]
)
def test_errors_of_libraries_are_described_without_their_class(error: Exception) -> None:
    line = describe_in_one_line(error)
    assert type(error).__name__ not in line
    assert "LOG_LEVEL=debug" in line
    assert "\n" not in line


def test_the_traceback_is_printed_at_log_level_debug(empty_home: Path) -> None:
    address = "postgresql://me@127.0.0.1:1/x"
    result = run_easeboard(empty_home, "migrate", DATABASE_URL=address)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    result = run_easeboard(empty_home, "migrate", DATABASE_URL=address, LOG_LEVEL="debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_the_version_is_printed(empty_home: Path) -> None:
    assert re.fullmatch(r"easeboard \d+\.\d+\.\d+\n", run_easeboard(empty_home, "--version").stdout)
