"""How long a test waits at most: bounds that grow with the measured slowness of the machine."""

import os
import time
from functools import cache
from hashlib import sha256

REFERENCE_SECONDS = 0.1
"""What `_work` takes on an idle machine of the kind that runs CI."""
MAX_SLOWNESS = 10.0
MARGIN = 2.0
"""The load changes while tests run, and a test shares the machine with others."""
_VARIABLE = "EASEBOARD_TEST_SLOWNESS"


@cache
def slowness() -> float:
    """Return how many times slower than the reference this machine is now: from 1 to 10.

    It is measured once per process; EASEBOARD_TEST_SLOWNESS sets it.
    """
    if given := os.environ.get(_VARIABLE):
        return float(given)
    began = time.perf_counter()
    _work()
    measured = (time.perf_counter() - began) / REFERENCE_SECONDS
    return min(MAX_SLOWNESS, max(1.0, measured))


def scaled(seconds: float) -> float:
    """Return an upper bound for a wait that takes less than `seconds` on an idle machine."""
    return seconds * MARGIN * slowness()


def _work() -> None:
    digest = b""
    for _ in range(400_000):
        digest = sha256(digest).digest()
