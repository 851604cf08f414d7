"""Coverage-guided fuzzing: `python -m tests.fuzzing response|address|link [libFuzzer options]`.

For example `python -m tests.fuzzing address -max_total_time=600 -seed=7`. Input that causes an
error is written to a file; pass the file as an argument to reproduce the error.
"""

import sys

import atheris  # type: ignore[import-untyped]  # the package has no type information

with atheris.instrument_imports(include=["infrastructure", "domain"]):
    from tests.fuzzing.targets import TARGETS

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
