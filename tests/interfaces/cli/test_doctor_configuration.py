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


def test_key_files_that_cannot_be_used_are_named(empty_home: Path) -> None:
    home = empty_home / "home"
    (home / "master-key").mkdir(parents=True)
    (home / "jwt-secret").touch()
    checks = checks_of(empty_home, EASEBOARD_HOME=str(home))
    failed = {name: check["detail"] for name, check in checks.items() if check["ok"] is False}
    assert failed.keys() == {"master key", "sign-in"}
    assert "master-key cannot be read (Is a directory)" in failed["master key"]
    assert "jwt-secret has no key" in failed["sign-in"]
    serve = run_easeboard(empty_home, "serve", "--port", "0", EASEBOARD_HOME=str(home))
    assert (serve.returncode, serve.stdout) == (1, "")
    assert "has no key" in serve.stderr or "cannot be read" in serve.stderr


def test_with_a_malformed_database_address_everything_else_is_checked(empty_home: Path) -> None:
    checks = checks_of(
        empty_home,
        DATABASE_URL="mysql://x",
        CANVAS_ENCRYPTION_KEY="short",
        SUPABASE_URL="foo",
        SEAL_WITNESSES="/missing",
        CANVAS_ALLOWED_HOST="x",
    )
    failed = {name for name, check in checks.items() if check["ok"] is False}
    assert failed == {"configuration", "setting names", "master key", "witness policy"}
    for name in ("DATABASE_URL", "SUPABASE_URL"):
        assert name in checks["configuration"]["detail"]
    for name in ("sign-in", "database", "keys", "witnesses"):
        assert checks[name]["ok"] is None
        assert checks[name]["detail"] == "correct configuration first"


def test_a_line_of_the_env_file_that_cannot_be_parsed_is_named(empty_home: Path) -> None:
    (empty_home / ".env").write_text('LOG_LEVEL=info\nNAME="not closed\n')
    names = checks_of(empty_home)["setting names"]
    assert (names["ok"], names["warning"]) == (True, True)
    assert f"{empty_home / '.env'}, line 2 is no line" in names["detail"]
    status = run_easeboard(empty_home, "status")
    assert status.stderr.count("line 2 is no line") == 1
    assert "dotenv" not in status.stderr


def test_a_directory_in_the_place_of_the_env_file_is_reported(empty_home: Path) -> None:
    (empty_home / ".env").mkdir()
    names = checks_of(empty_home)["setting names"]
    assert (names["ok"], names["warning"]) == (True, True)
    assert ".env is a directory" in names["detail"]
