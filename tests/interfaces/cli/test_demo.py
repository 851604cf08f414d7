import os
import re
import shlex
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import pytest

from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard

Demo = tuple[list[str], "subprocess.Popen[str]"]
"""The lines that a demo has printed, and its process."""
SMALL_DEMO = ["demo", "--once", "--courses", "3", "--assignments", "5"]


def test_the_demo_syncs_twice_and_prints_what_changed(home: Path) -> None:
    result = run_easeboard(home, *SMALL_DEMO, "--port", "0")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    output = result.stdout
    assert len(re.findall(r"  read .+: 5 assignments", output)) >= 3
    assert "courses 3, assignments 15" in output, "the first sync finds everything"
    assert "courses 1, assignments 3, grades 3" in output, "the second finds only the changes"
    before, after = re.findall(r": ([\d.]+) → ([\d.]+) points", output)[0]
    history = output.partition("Events of the second sync")[2].partition("Receipt of")[0]
    assert "was requested by the person" in history
    assert len(re.findall(rf"from\s+{before}[^.]*\s+to\s+{after}", history)) == 1
    assert "had this grade" in output.partition("Receipt of a grade")[2]
    for word in ("curl", "eyJ", "serves", "/docs"):
        assert word not in output, "after --once nothing runs that a line could reach"


@contextmanager
def running_demo(home: Path, *arguments: str) -> Iterator[Demo]:
    with running_easeboard(home, "demo", *arguments) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "projections list --demo" in line:
                break
        yield lines, process


@pytest.fixture(scope="module")
def demo(home: Path) -> Iterator[Demo]:
    with running_demo(home, "--courses", "2", "--assignments", "8", "--port", "0") as running:
        yield running


def value_of(lines: list[str], name: str) -> str:
    return next(line.partition("=")[2] for line in lines if line.startswith(f"  {name}="))


def test_a_demo_takes_a_free_port_and_publishes_itself_privately_until_it_ends(
    home: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        arguments = ["--courses", "1", "--assignments", "1"]
        port = str(other.getsockname()[1])
        with running_demo(home, *arguments, "--port", port) as (lines, process):
            assert any(line.startswith(f"Port {port} is in use") for line in lines)
            published = home / "demo" / "running" / f"{process.pid}.json"
            assert stat.S_IMODE(published.stat().st_mode) == 0o600
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=scaled(20)) == 0
            assert not published.exists()


def test_the_last_page_has_addresses_tokens_and_lines_that_work(home: Path, demo: Demo) -> None:
    lines, _ = demo
    page = lines[next(n for n, line in enumerate(lines) if line.startswith("The demo serves")) :]
    url, sandbox = value_of(page, "API"), value_of(page, "SANDBOX")
    assert {f"{url}/", f"{url}/docs"} <= {line.split()[-1] for line in page if line}
    assert any(f"{sandbox}/sandbox " in line for line in page)
    values = ("=eyJ", "CONNECTION=")
    assert not [line for line in page if len(line) > 80 and not any(v in line for v in values)]
    for role in ("student", "auditor", "admin"):
        claims = jwt.decode(value_of(page, role.upper()), options={"verify_signature": False})
        assert claims["app_metadata"]["roles"] == [role]
    names = ("API", "SANDBOX", "CONNECTION", "STUDENT", "AUDITOR")
    script = "\n".join(f"{name}={shlex.quote(value_of(page, name))}" for name in names)
    joined = "\n".join(page).replace("\\\n", " ")
    curls = [line.strip() for line in joined.splitlines() if line.strip().startswith("curl")]
    assert len(curls) == 6
    for curl in curls:
        result = subprocess.run(  # noqa: S603  # the lines that the demo prints
            ["/bin/sh", "-ec", f"{script}\n{curl} --fail --silent --show-error"],
            cwd=home, capture_output=True, text=True, timeout=scaled(30), check=False,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (0, ""), curl
    verified = run_easeboard(home, "receipt", "verify", "receipt.json", "--vkey", "vkey")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["projections", "list", "--demo"],
        ["--demo", "projections", "list"],
        ["doctor", "--demo"],
        ["audit", "verify", "--demo"],
    ],
    ids=" ".join,
)
def test_commands_look_into_the_demo(home: Path, demo: Demo, arguments: list[str]) -> None:
    assert demo[1].poll() is None
    result = run_easeboard(home, *arguments, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_history_and_a_token_are_those_of_the_demo(home: Path, demo: Demo) -> None:
    lines, _ = demo
    connection = value_of(lines, "CONNECTION")
    history = run_easeboard(home, "audit", "history", connection, "--purpose", "test", "--demo")
    assert "Sync" in history.stdout
    token = run_easeboard(home, "token", "--demo", "--role", "auditor").stdout.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    auditor = jwt.decode(value_of(lines, "AUDITOR"), options={"verify_signature": False})
    assert (claims["sub"], claims["app_metadata"]) == (auditor["sub"], auditor["app_metadata"])


def test_without_a_demo_the_option_is_refused(empty_home: Path) -> None:
    directory = empty_home / "demo" / "running"
    directory.mkdir(parents=True)
    (directory / "999999999.json").write_text("{}")
    (directory / f"{os.getpid()}.json").write_text('{"started_at": 0}')
    result = run_easeboard(empty_home, "projections", "list", "--demo")
    assert result.returncode == 1
    assert result.stderr.startswith("easeboard: No demo is running in ")
    assert result.stderr.count("\n") == 1
    assert run_easeboard(empty_home, "token", "--role", "admin").returncode == 2


def test_a_demo_that_cannot_start_prints_one_error_line(empty_home: Path) -> None:
    (empty_home / "demo").write_text("a file where the demo needs a folder")
    result = run_easeboard(empty_home, *SMALL_DEMO, "--port", "0")
    assert result.returncode == 1
    assert result.stderr.startswith("easeboard: ")
    assert result.stderr.count("\n") == 1
