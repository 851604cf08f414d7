"""How much the tests of this folder try: little in CI, all of the acceptance in `make soak`."""

import os

_VARIABLE = "EASEBOARD_SOAK"


def is_soak() -> bool:
    """Whether the environment variable EASEBOARD_SOAK asks for the full numbers."""
    return bool(os.environ.get(_VARIABLE))


def tries(in_ci: int, in_soak: int) -> int:
    """Return how often to try: `in_ci` normally, `in_soak` in `make soak`."""
    return in_soak if is_soak() else in_ci
