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
    """Time to open a TCP connection."""
    pool_seconds: float = 30
    """Time until a connection can be used, with the wait for a free one and the DNS query."""
    first_byte_seconds: float = 65
    """Time until a response begins.

    Load balancers of hosted Canvas end a request after 60 s; their own response must arrive.
    """
    read_seconds: float = 15
    """Time between two parts of a body."""
    body_seconds: float = 60
    """Time from the first byte of a response to its last."""
    whoami_seconds: float = 20
    """Time for all attempts at the request for which a person waits."""
    run_seconds: float = 900
    """Time from the opening of an account to its last request."""

    max_error_attempts: int = 4
    max_slow_attempts: int = 2
    """Attempts if a response does not come, is not JSON, or is an error after `slow_seconds`."""
    slow_seconds: float = 30
    max_throttled_attempts: int = 8
    first_backoff_seconds: float = 1
    max_backoff_seconds: float = 30

    response_bytes: int = 4 * MIB
    """Decompressed size of one response. With `json_values` it limits the time to decode it.

    Nothing else can run during that time. The slowest response within both limits takes 22 ms,
    and one of Canvas about 10 ms (measured with orjson 3.13 on a Xeon of 2.1 GHz).
    """
    json_values: int = 100_000
    """Commas and opening brackets in one response, about 800 assignments with submissions."""
    run_bytes: int = 256 * MIB
    run_rows: int = 100_000
    """Rows of all lists of a run; 40 courses with 120 assignments each are 5,000."""
    header_bytes: int = 16 * 1024
    headers: int = 128

    pages: int = 100
    """Pages of one list, of the largest page size."""
    rows: int = 10_000
    """Rows of one list, each counted as often as Canvas sends it."""
    courses: int = 2_000
    """Rows of a list of courses."""
    assignments: int = 5_000
    """Rows of assignments in one course."""

    connections: int = 512
    connections_per_host: int = 128
    keep_alive_seconds: float = 55
    """Less than the 60 s after which load balancers of hosted Canvas close a connection."""


DEFAULT_LIMITS = Limits()
