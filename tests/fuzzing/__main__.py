"""`python -m tests.fuzzing answer|address|link [libFuzzer options]`: guided by coverage.

For example `python -m tests.fuzzing address -max_total_time=600 -seed=7`; bytes that break
something are written to a file, which given as an argument breaks it again.
"""

import sys

import atheris  # type: ignore[import-untyped]  # it has no types

with atheris.instrument_imports(include=["infrastructure", "domain"]):
    from tests.fuzzing.targets import TARGETS

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
