import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infrastructure.postgres.errors import PostgresUnavailable
from interfaces.cli import output
from interfaces.cli.errors import report_error
from interfaces.cli.main import app, main
from interfaces.cli.output import (
    Styled,
    print_heading,
    print_json,
    print_line,
    print_table,
    print_traceback,
)
from tests.interfaces.cli.run_cli import COMMAND_TIMEOUT_SECONDS, environment

HOSTILE = "Maths\x1b]0;owned\x07\x1b[2J\x9b31m\u202ered\u2066\r\nposition 1\x7f\ud800\U000e0041"
SHOWN = (
    "Maths\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202ered\\u2066\\u000d\\u000aposition 1"
    "\\u007f\\ud800\\U000e0041"
)


def written(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert not set(HOSTILE) & set(text) - set("Maths]0;owned[2J31mredposition 1\n")
    return text


def test_a_line_and_a_heading_show_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(HOSTILE + "[bold]x[/bold]")
    print_heading(HOSTILE)
    assert written(capsys) == f"{SHOWN}[bold]x[/bold]\n\n{SHOWN}\n"


def test_a_table_shows_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(HOSTILE[:9], Styled(HOSTILE[-2:], "red"), 1234, None)]
    print_table(["name", "styled", "number", "none"], rows)
    text = written(capsys)
    assert "Maths\\u001b]0;" in text
    assert "\\ud800\\U000e0041" in text
    assert "1,234" in text


def test_a_narrow_terminal_gets_a_line_for_each_field(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = Console(width=40, force_terminal=True, color_system=None, soft_wrap=True)
    monkeypatch.setattr(output, "_console", narrow)
    print_table(["name", "position"], [("sync_log", 12345), ("assignments", None)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["name: sync_log", "position: 12,345", "", "name: assignments", "position: —"]


@pytest.mark.parametrize("document", [{"name": HOSTILE}, {"name": HOSTILE.replace("\ud800", "")}])
def test_json_shows_every_character(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_json(document)
    text = written(capsys)
    assert len(text.splitlines()) == 1
    assert json.loads(text)["name"] in (document["name"], SHOWN)


def test_errors_show_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(ValueError(HOSTILE)) == 1
    print_traceback(ValueError(HOSTILE))
    assert "Maths\\u001b]0;" in written(capsys)


def test_a_text_of_another_program_ends_before_our_advice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for end in ("", ".", "?"):
        report_error(PostgresUnavailable(f"The database cannot be reached: it is down{end}"))
        shown = capsys.readouterr().err
        assert shown.endswith("reached: it is down. Check DATABASE_URL and the server.\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(empty_home: Path, closed: str) -> None:
    for command, code in (("--version", 0), ("status --demo", 1)):
        result = subprocess.run(  # noqa: S602  # our own command
            f"{sys.executable} -m interfaces.cli {command} {closed}",
            shell=True,
            env=environment(empty_home),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        assert (result.returncode, "Traceback" in result.stderr) == (code, False)


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ("--students=x", "it must be a whole number of at least 1."),
        ("--port=65536", "it must be a whole number from 0 to 65535."),
        ("--latency-ms=-1", "it must be a number of at least 0."),
        ("--seed=x", "it must be a whole number."),
    ],
)
def test_the_accepted_numbers_are_described(option: str, rule: str) -> None:
    result = CliRunner().invoke(app, ["sandbox", option])
    assert result.exit_code == 2
    assert rule in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments", [[HOSTILE], ["audit", "history", HOSTILE], ["serve", "--roles", HOSTILE]]
)
def test_wrong_arguments_show_every_character(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["easeboard", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    assert "Maths" in written(capsys)
