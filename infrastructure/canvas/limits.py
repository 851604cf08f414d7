"""Limits of the Canvas client: parallel requests, timeouts, retries, sizes and connections."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for one Canvas; times in seconds, sizes in bytes."""

    max_in_flight: int = 8
    """Parallel requests with one token.

    Canvas refuses the 12th, and other programs may use the same token.
    """

    connect_seconds: float = 5
    read_seconds: float = 15
    request_seconds: float = 30
    whoami_seconds: float = 20
    run_seconds: float = 900
    """Time from the opening of an account to its last request."""

    max_error_attempts: int = 4
    max_throttled_attempts: int = 8
    first_backoff_seconds: float = 1
    max_backoff_seconds: float = 30

    response_bytes: int = 8 * MIB
    run_bytes: int = 128 * MIB
    header_bytes: int = 16 * 1024
    headers: int = 128
    json_values: int = 500_000
    """JSON values in one response, because one byte of JSON can need 30 bytes of memory."""

    pages: int = 100
    courses: int = 2_000
    assignments: int = 5_000
    """Assignments in one course."""

    connections: int = 512
    connections_per_host: int = 128
    keep_alive_seconds: float = 55
    """Less than the 60 s after which load balancers of hosted Canvas close a connection."""


DEFAULT_LIMITS = Limits()
