"""What commands report about an EASEBOARD_HOME that this user cannot write to."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interfaces.cli.run_cli import COMMAND_TIMEOUT_SECONDS, environment

USER = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
OTHER_UID = 65534


@pytest.fixture
def foreign_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="easeboard-cli-"))
    if os.geteuid() == 0:
        os.chown(home, OTHER_UID, OTHER_UID)
    home.chmod(0o555)
    yield home
    home.chmod(0o755)
    shutil.rmtree(home)


def run_without_privileges(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command; for root without the capabilities that no permission stops."""
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    return subprocess.run(  # noqa: S603  # our own command
        [*prefix, sys.executable, "-m", "interfaces.cli", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("below", ["", "new/home"])
@pytest.mark.parametrize(
    "command", ["status", f"token --user {USER}", "serve --port 0", "projections list", "migrate"]
)
def test_the_setting_and_the_reason_are_named(foreign_home: Path, command: str, below: str) -> None:
    result = run_without_privileges(foreign_home / below, *command.split())
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("easeboard: EASEBOARD_HOME cannot be")
    assert f"{foreign_home} cannot be written to by this user" in result.stderr
    assert "Errno" not in result.stderr


def test_doctor_has_one_problem(foreign_home: Path) -> None:
    result = run_without_privileges(foreign_home, "doctor", "--json")
    checks = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
    assert [name for name, check in checks.items() if check["ok"] is False] == ["home"]
    for name in ("master key", "database", "keys"):
        assert checks[name]["detail"] == "correct home first"
