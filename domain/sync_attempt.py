"""Attempts of workers at a run, and what happens to a run that a worker does not finish.

An attempt names its worker, so that events of a worker that was replaced can be refused.
"""

from typing import NamedTuple
from uuid import UUID

from domain.backoff import Backoff

MAX_SYNC_ATTEMPTS = 3
"""Attempts at one run, after which it fails."""
RETRY_BACKOFF = Backoff(first_seconds=10, max_seconds=300)
"""Delays before a run whose attempt crashed is tried again."""

_INTERRUPTED = (
    "interrupted",
    "The worker stopped before the sync ended. What it read is kept; the next sync reads the rest.",
)
GIVE_UP_REASONS = {
    "stopped": _INTERRUPTED,
    "lost": _INTERRUPTED,
    "broke_off": (
        "internal-error",
        "An internal error ended the sync. What it read is kept; the next sync reads the rest.",
    ),
}
"""The reasons for which a worker gives up a run, with the code and detail of the failed run.

`stopped`: its process was shut down. `lost`: it died. `broke_off`: an unexpected error occurred.
"""


class Attempt(NamedTuple):
    """One worker's attempt at a run."""

    sync_id: UUID
    """The id of the run."""
    worker: str
    """The name of the worker: `host:pid:start time:number`, another one for each attempt."""


def max_retry_delay_seconds(attempts: int) -> float:
    """Return the longest delay in seconds before a run that crashed is tried again."""
    return RETRY_BACKOFF.max_delay_seconds(attempts)
