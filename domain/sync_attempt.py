"""What a worker's claim on a run is worth: it names the worker, so that another's is refused."""

from typing import NamedTuple
from uuid import UUID

MAX_SYNC_ATTEMPTS = 3
"""Workers that may take one run on, one after the other, before it has failed."""

_INTERRUPTED = ("interrupted", "The worker stopped in the middle; what it had read is kept.")
GIVE_UP_REASONS = {
    "stopped": _INTERRUPTED,
    "lost": _INTERRUPTED,
    "broke_off": ("internal-error", "An error of ours ended the run; what it had read is kept."),
}
"""Why a worker gives a run up, and the code and detail of a run that ends with it: it was stopped
in good order, it died, or the run met an error nobody expected."""


class Attempt(NamedTuple):
    """One worker's attempt at a run."""

    sync_id: UUID
    worker: str


def max_retry_delay_seconds(attempts: int) -> float:
    """The longest pause in seconds before a run that broke off is tried again: at most 5 min."""
    return min(300.0, 10.0 * 2.0 ** (attempts - 1))
