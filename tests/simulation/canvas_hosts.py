"""The simulated Canvas hosts: whether they respond, and what the service has recorded about it."""

from collections import Counter
from datetime import datetime
from random import Random

from domain.circuit_breaker import CLOSED, CircuitBreaker
from infrastructure.canvas.circuit_breakers import (
    MAX_TRY_TIME,
    REJECTIONS_OF_DEGRADED_HOST,
    SLOW_TRY_TIME,
)
from tests.simulation.connections import time_at
from tests.simulation.institutions import HostBehaviour, Outage, origin_of

MAX_TRY_SECONDS, SLOW_TRY_SECONDS = MAX_TRY_TIME.total_seconds(), SLOW_TRY_TIME.total_seconds()


class CanvasHosts:
    """All hosts, by index; it does in memory what `infrastructure.canvas.circuit_breakers` does."""

    def __init__(self, count: int, outages: dict[int, Outage], rng: Random) -> None:
        self._rng = rng
        self.outages = outages
        self.origins = [origin_of(host) for host in range(count)]
        self.host_by_origin = {name: host for host, name in enumerate(self.origins)}
        self.circuit_breakers: dict[str, CircuitBreaker] = {}
        self._rejections: Counter[int] = Counter()
        self._busy_until: dict[int, float] = {}

    def behaviour(self, host: int, now: float) -> HostBehaviour:
        """Return what a host does with requests at this time, in seconds since the start."""
        outage = self.outages.get(host)
        is_away = outage is not None and outage.starts_at <= now < outage.ends_at
        return outage.behaviour if outage and is_away else "responds"

    def open_until(self, host: int) -> datetime | None:
        """Return until when the circuit is open; None if it is closed or a probe was sent."""
        breaker = self._breaker(host)
        return None if breaker.is_probed else breaker.open_until

    def is_degraded(self, host: int) -> bool:
        """Return whether several runs in a row got no response, or had their tokens rejected."""
        has_rejected_all = self._rejections[host] >= REJECTIONS_OF_DEGRADED_HOST
        return has_rejected_all or not self._breaker(host).is_closed

    def admits_scheduled_run(self, host: int, now: float) -> bool:
        """Return whether a scheduled run may send requests: the circuit is closed or it probes."""
        breaker = self._breaker(host)
        if not breaker.is_probe_due(time_at(now)):
            return breaker.is_closed
        probed = breaker.record_probe(time_at(now), self._rng.random())
        self.circuit_breakers[self.origins[host]] = probed
        self._busy_until[host] = now + MAX_TRY_SECONDS
        return True

    def admits_requested_run(self, host: int, now: float) -> bool:
        """Return whether a run that a person requested may send requests to a degraded host."""
        if self._breaker(host).is_closed:
            return True
        if now < self._busy_until.get(host, 0.0):
            return False
        self._busy_until[host] = now + MAX_TRY_SECONDS
        return True

    def record_rejection(self, host: int) -> None:
        """Record that a host responded, and rejected the token of a run."""
        self._busy_until.pop(host, None)
        self.circuit_breakers.pop(self.origins[host], None)
        self._rejections[host] += 1

    def record_success(self, host: int) -> None:
        """Record that a host responded."""
        self._busy_until.pop(host, None)
        del self._rejections[host]
        self.circuit_breakers.pop(self.origins[host], None)

    def record_failure(self, host: int, now: float) -> None:
        """Record that a host did not respond to a run that ends at `now`."""
        busy_until = self._busy_until.pop(host, None)
        if busy_until and now - (busy_until - MAX_TRY_SECONDS) > SLOW_TRY_SECONDS:
            self._busy_until[host] = now + SLOW_TRY_SECONDS
        failed = self._breaker(host).record_failure(time_at(now), self._rng.random())
        self.circuit_breakers[self.origins[host]] = failed

    def _breaker(self, host: int) -> CircuitBreaker:
        return self.circuit_breakers.get(self.origins[host], CLOSED)
