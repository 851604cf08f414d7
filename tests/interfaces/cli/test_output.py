import json
from typing import Any

import pytest

from interfaces.cli.errors import report_error
from interfaces.cli.main import main
from interfaces.cli.output import (
    Styled,
    print_heading,
    print_json,
    print_line,
    print_table,
    print_traceback,
)

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
