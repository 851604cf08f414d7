"""The nil UUID as a user, impossible times and invisible characters are usage errors."""

from uuid import UUID

import pytest
from typer.testing import CliRunner

from interfaces.cli.main import app, main

NIL = str(UUID(int=0))
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
TIMES = (
    *("0001-01-01", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"),
    *("9999-12-31", "9999-12-31T23:59:59-14:00"),
)
TIME_OPTIONS = (
    *(f"history {ID} --as-of", f"history {ID} --since", f"history {ID} --until"),
    *(f"view {ID} --as-of", f"diff {ID} --from", f"diff {ID} --from 2026-09-01 --to"),
    "readings --since",
)


@pytest.mark.parametrize("command", TIME_OPTIONS)
@pytest.mark.parametrize("time", TIMES)
def test_an_impossible_time_is_refused(command: str, time: str) -> None:
    result = CliRunner().invoke(app, ["audit", *command.split(), time, "--purpose", "complaint"])
    assert result.exit_code == 2
    assert "the time must be from 1970-01-01T00:00:00Z to 9999-01-01" in result.stderr


@pytest.mark.parametrize("command", ["token", "erase", "listen"])
def test_the_nil_uuid_as_a_user_is_refused(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--user", NIL])
    assert result.exit_code == 2
    assert "it must be the id of a user" in result.stderr


@pytest.mark.parametrize("purpose", ["a\tb", "a\u202eb", "a\udcffb"])
def test_an_argument_with_invisible_characters_is_refused(
    purpose: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["easeboard", "audit", "history", ID, "--purpose", purpose]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    assert "invisible character: a\\u" in capsys.readouterr().err


def test_a_line_end_in_an_argument_is_a_blank(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["easeboard", "audit", "no\r\nsuch\n"])
    with pytest.raises(SystemExit):
        main()
    assert "No such command 'no such'" in capsys.readouterr().err


def test_a_purpose_that_was_no_text_is_refused() -> None:
    result = CliRunner().invoke(app, ["audit", "history", ID, "--purpose", "a\ufffdb"])
    assert result.exit_code == 2
    assert "must be text in UTF-8" in result.stderr
