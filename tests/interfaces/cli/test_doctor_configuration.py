"""What `easeboard doctor` finds in the configuration alone."""

import json
from pathlib import Path
from typing import Any

from tests.interfaces.cli.run_cli import run_easeboard


def checks_of(home: Path, **variables: str) -> dict[str, dict[str, Any]]:
    result = run_easeboard(home, "doctor", "--json", **variables)
    assert result.stderr == ""
    return {check["check"]: check for check in json.loads(result.stdout)["checks"]}


def test_a_home_that_cannot_be_created_is_named(empty_home: Path) -> None:
    file = empty_home / "file"
    file.touch()
    checks = checks_of(empty_home, EASEBOARD_HOME=str(file / "home"))
    assert [name for name, check in checks.items() if check["ok"] is False] == ["home"]
    assert checks["home"]["detail"].startswith("EASEBOARD_HOME cannot be")


def test_a_directory_in_the_place_of_the_env_file_is_reported(empty_home: Path) -> None:
    (empty_home / ".env").mkdir()
    names = checks_of(empty_home)["setting names"]
    assert (names["ok"], names["warning"]) == (True, True)
    assert ".env is a directory" in names["detail"]
