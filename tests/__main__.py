"""Runs the suite in two passes: first the fast levels, then the tests that start processes."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

FAST = ("-n", "auto", "-m", "not process")
PROCESS = ("-n", "2", "-m", "process")
INTERRUPTED = 2
NOTHING_SELECTED = 5
REPEATED_LINES = 30
"""How much of each failure is printed again at the end."""


def main(arguments: list[str]) -> int:
    """Run both passes and return the exit code of the worse; `arguments` are those of pytest.

    A pass from which the arguments select no test is no failure, unless both are empty. The
    failures of the first pass are printed again at the end, where a reader looks for them.
    """
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "fast.xml")
        for selection in ((*FAST, f"--junitxml={report}"), PROCESS):
            command = [sys.executable, "-m", "pytest", *selection, *arguments]
            codes.append(subprocess.run(command, check=False).returncode)  # noqa: S603  # our own tests
            if codes[-1] == INTERRUPTED:
                break
        failures = list(_failures(report)) if codes[0] and len(codes) > 1 else []
    if failures:
        sys.stdout.write("\n".join(["", "The first pass failed:", *failures, ""]))
        sys.stdout.flush()
    failed = [code for code in codes if code not in {0, NOTHING_SELECTED}]
    return max(failed) if failed else min(codes)


def _failures(report: Path) -> Iterator[str]:
    """Yield the end of each failure in a report of pytest, below the name of its test."""
    if not report.exists():
        return
    for test in ET.parse(report).iter("testcase"):  # noqa: S314  # written by pytest
        for failure in (*test.findall("failure"), *test.findall("error")):
            lines = (failure.text or failure.get("message") or "").splitlines()
            yield "\n".join(lines[-REPEATED_LINES:])
            yield f"FAILED {test.get('classname')}.{test.get('name')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
