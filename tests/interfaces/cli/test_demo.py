import re
import signal
import socket
from pathlib import Path

from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard

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
    history = output.partition("Events of the second sync")[2].partition("What changed")[0]
    diff = output.partition("What changed for the student")[2].partition("Receipt of")[0]
    assert "was requested by the person" in history
    for text in (history, diff):
        assert len(re.findall(rf"from\s+{before}[^.]*\s+to\s+{after}", text)) == 1
    assert "had this grade" in output.partition("Receipt of a grade")[2]
    assert "easeboard receipt verify receipt.json --vkey vkey" in output
    url = re.findall(r"API documentation: (\S+)/docs", output)[0]
    assert f'curl -H "Authorization: Bearer $TOKEN" {url}/api/v1/dashboard/stats' in output
    assert re.search(r"^TOKEN=eyJ\S+$", output, re.MULTILINE)


def test_the_demo_uses_another_port_when_its_port_is_taken_and_serves_until_stopped(
    home: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        arguments = ["demo", "--courses", "1", "--assignments", "1", "--port", str(port)]
        with running_easeboard(home, *arguments) as process:
            assert process.stdout
            output = iter(process.stdout)
            assert next(line for line in output if line.startswith(f"Port {port} is in use"))
            assert next(line for line in output if line.startswith("Serving until Ctrl-C"))
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=scaled(20)) == 0


def test_a_demo_that_cannot_start_prints_one_error_line(empty_home: Path) -> None:
    (empty_home / "demo").write_text("a file where the demo needs a folder")
    result = run_easeboard(empty_home, *SMALL_DEMO, "--port", "0")
    assert result.returncode == 1
    assert result.stderr.startswith("easeboard: ")
    assert result.stderr.count("\n") == 1
