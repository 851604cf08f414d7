"""How much of Canvas we take, and how long we wait for it."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on one Canvas; times in seconds, sizes in bytes."""

    in_flight: int = 8
    """Requests at once with one token; Canvas refuses the 12th, and others may use the token."""

    connect: float = 5
    read: float = 15
    request: float = 30
    whoami: float = 20
    run: float = 900
    """From opening an account to the last request sent."""

    fault_attempts: int = 4
    refusal_attempts: int = 8
    first_pause: float = 1
    longest_pause: float = 30

    answer_bytes: int = 8 * MIB
    run_bytes: int = 128 * MIB
    header_bytes: int = 16 * 1024
    headers: int = 128
    values: int = 500_000
    """JSON values in one answer: a byte of it can cost thirty in memory."""

    pages: int = 100
    courses: int = 2_000
    assignments: int = 5_000
    """In one course."""

    connections: int = 512
    connections_per_host: int = 128
    keep_alive: float = 55
    """Below the 60 s after which hosted load balancers hang up."""


USUAL = Limits()
