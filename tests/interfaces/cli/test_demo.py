import re
import signal
import socket
from pathlib import Path

from tests.interfaces.cli.run_cli import easeboard, started

SMALL = ["demo", "--once", "--courses", "3", "--assignments", "5"]


def test_the_demo_shows_the_whole_program_at_work(home: Path) -> None:
    shown = easeboard(home, *SMALL, "--port", "0")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    words = shown.stdout
    assert len(re.findall(r"  read .+: 5 assignments", words)) >= 3
    assert "courses 3, assignments 15" in words, "the first sync finds everything"
    assert "courses 1, assignments 3, grades 3" in words, "the second only what was changed"
    for event in ("SyncRequested", "CourseFetched", "DueDateChanged", "GradeChanged"):
        assert event in words
    before, after = re.findall(r": ([\d.]+) → ([\d.]+) points", words)[0]
    assert re.search(rf"GradeChanged .*: {before} → {after}\s", words)
    url = re.findall(r"API documentation: (\S+)/docs", words)[0]
    assert f'curl -H "Authorization: Bearer $TOKEN" {url}/api/v1/dashboard/stats' in words
    assert re.search(r"^TOKEN=eyJ\S+$", words, re.MULTILINE)


def test_it_walks_around_a_taken_port_and_serves_until_told_to_stop(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        arguments = ["demo", "--courses", "1", "--assignments", "1", "--port", str(port)]
        with started(home, *arguments) as process:
            assert process.stdout
            shown = iter(process.stdout)
            assert next(line for line in shown if line.startswith(f"Port {port} is taken"))
            assert next(line for line in shown if line.startswith("Serving until Ctrl-C"))
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0


def test_a_demo_that_cannot_be_given_says_why(empty_home: Path) -> None:
    (empty_home / "demo").write_text("in the way")
    refused = easeboard(empty_home, *SMALL, "--port", "0")
    assert refused.returncode == 1
    assert refused.stderr.startswith("easeboard: ")
    assert refused.stderr.count("\n") == 1
