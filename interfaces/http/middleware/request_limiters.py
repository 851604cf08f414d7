"""The limiters of one process, each for one kind of request.

Commands that wait for Canvas and documents with all data of a person each have a limiter of their
own, so that none of them delays another kind of request.
"""

import re
from dataclasses import dataclass, field

from starlette.types import Scope

from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter

EVERYTHING_PATH = "/api/v1/canvas/data"
CANVAS_COMMAND_PATH = re.compile(r"/api/v1/canvas/(?:setup|connections/[^/]+/(?:token|validate))")
COMMAND_METHODS = frozenset({"POST", "PUT"})

MAX_WAITING_READS = 64
"""Reads of one owner that wait: more than the connections that one program opens at a time."""
MAX_WAITING_COMMANDS = 24
"""Commands of one owner that wait for a slot of a kind of which one owner has few."""


def create_default_limiter() -> ConcurrencyLimiter:
    """Create the limiter for most requests: 8 slots, about what the database serves at a time.

    More slots only make every request slower. A full queue is served within a fraction of a second.
    """
    return ConcurrencyLimiter(
        8,
        slots_per_owner=2,
        max_waiting=128,
        max_waiting_per_owner=MAX_WAITING_READS,
        timeout_seconds=3,
        may_borrow=True,
    )


def create_everything_limiter() -> ConcurrencyLimiter:
    """Create the limiter for documents with everything: each may need a second of the processor."""
    return ConcurrencyLimiter(
        2,
        slots_per_owner=1,
        max_waiting=128,
        max_waiting_per_owner=MAX_WAITING_READS,
        timeout_seconds=10,
    )


def create_setup_limiter() -> ConcurrencyLimiter:
    """Create the limiter for the turns of set-ups: one person has one at a time."""
    return ConcurrencyLimiter(
        64,
        slots_per_owner=1,
        max_waiting=256,
        max_waiting_per_owner=MAX_WAITING_COMMANDS,
        timeout_seconds=10,
    )


def create_large_response_limiter() -> ConcurrencyLimiter:
    """Create the limiter for large responses that are not read yet: 4 for each person."""
    return ConcurrencyLimiter(
        64,
        slots_per_owner=4,
        max_waiting=256,
        max_waiting_per_owner=MAX_WAITING_READS,
        timeout_seconds=5,
    )


def create_canvas_limiter() -> ConcurrencyLimiter:
    """Create the limiter for commands that wait for Canvas: each needs memory alone."""
    return ConcurrencyLimiter(
        64,
        slots_per_owner=4,
        max_waiting=256,
        max_waiting_per_owner=MAX_WAITING_COMMANDS,
        timeout_seconds=10,
    )


@dataclass(frozen=True, slots=True)
class RequestLimiters:
    """The limiters of one process, one for each kind of request."""

    default: ConcurrencyLimiter = field(default_factory=create_default_limiter)
    everything: ConcurrencyLimiter = field(default_factory=create_everything_limiter)
    canvas: ConcurrencyLimiter = field(default_factory=create_canvas_limiter)

    def for_request(self, scope: Scope) -> ConcurrencyLimiter:
        """Return the limiter of a request, by method and path."""
        path = scope["path"]
        if scope["method"] not in COMMAND_METHODS:
            return self.everything if path == EVERYTHING_PATH else self.default
        return self.canvas if CANVAS_COMMAND_PATH.fullmatch(path) else self.default
