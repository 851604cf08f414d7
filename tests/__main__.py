"""Runs the suite in two passes: first the fast levels, then the tests that start processes."""

import subprocess
import sys

FAST = ("-n", "auto", "-m", "not process")
PROCESS = ("-n", "2", "-m", "process")
INTERRUPTED = 2
NOTHING_SELECTED = 5


def main(arguments: list[str]) -> int:
    """Run both passes and return the exit code of the worse; `arguments` are those of pytest.

    A pass from which the arguments select no test is no failure, unless both are empty.
    """
    codes = []
    for selection in (FAST, PROCESS):
        command = [sys.executable, "-m", "pytest", *selection, *arguments]
        codes.append(subprocess.run(command, check=False).returncode)  # noqa: S603  # our own tests
        if codes[-1] == INTERRUPTED:
            break
    failed = [code for code in codes if code not in {0, NOTHING_SELECTED}]
    return max(failed) if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
