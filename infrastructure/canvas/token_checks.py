"""Limits the requests that check a token, by person, and by host over all people.

Anyone who signs in can name a host. So a host gets few of these requests at a time, and few that
fail in a minute; one person cannot use all of either.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from secrets import SystemRandom
from weakref import WeakValueDictionary

from application.clock import Clock, utc_now
from application.ports import HostHealth
from domain.circuit_breaker import CircuitBreaker
from domain.errors import (
    CanvasFailure,
    CanvasTimeout,
    CanvasUnreachable,
    TokenChecksOfHostLimited,
    TokenChecksOfPersonLimited,
)
from infrastructure.canvas.error_mapping import NotConnected, no_canvas

CHECKS_PER_PERSON = 1
CHECKS_PER_HOST = 4
"""Requests in flight, of this process."""
MAX_WAITING_PER_PERSON = 32
MAX_WAITING_PER_HOST = 128
MAX_WAIT_SECONDS = 10.0
"""How long a check waits for its turn before it is refused."""
BUSY_RETRY_SECONDS = 5

WINDOW_SECONDS = 60.0
FAILURES_PER_PERSON = 20
"""Failed checks of one person at one host in a minute."""
FAILURES_PER_UNKNOWN_HOST = 20
"""Failed checks in a minute at a host that only `CANVAS_ALLOWED_HOSTS=*` allows, and that has
accepted no token lately: it may be no Canvas."""
FAILURES_PER_KNOWN_HOST = 120
"""Failed checks in a minute at another host: many students paste a wrong token."""
KNOWN_SECONDS = 3600.0
"""How long a host counts as known after it accepted a token."""
MAX_REMEMBERED = 10_000
"""Hosts and people that are remembered; then those without recent failures are forgotten."""

JITTER_RNG = SystemRandom()


class Line:
    """Places that are given in the order of arrival; a limited number may wait."""

    def __init__(self, places: int, max_waiting: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._max_waiting = max_waiting
        self._waiting = 0

    async def enter(self, deadline: float) -> bool:
        """Wait for a place; returns False if too many wait or the deadline passes."""
        if self._places.locked() and self._waiting >= self._max_waiting:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def leave(self) -> None:
        """Free the place."""
        self._places.release()


class RecentFailures:
    """The times of the failed checks of the last minute, by person or host."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def add(self, key: str) -> None:
        """Count a failed check now."""
        if len(self._times) >= MAX_REMEMBERED:
            self._times = {key: times for key in self._times if (times := self._recent(key))}
        self._times.setdefault(key, deque(maxlen=FAILURES_PER_KNOWN_HOST)).append(_now())

    def wait_seconds(self, key: str, limit: int) -> int:
        """Return the seconds until fewer than `limit` are in the window; 0 if that is so now."""
        times = self._recent(key)
        if len(times) < limit:
            return 0
        return max(1, round(times[-limit] + WINDOW_SECONDS - _now()))

    def _recent(self, key: str) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= _now() - WINDOW_SECONDS:
            times.popleft()
        return times


class TokenChecks:
    """Permits the checks of tokens of one process; also observes and reports the health of hosts.

    While the circuit breaker of a host is not closed, one check at a time is permitted, as is one
    run that a person requests. Failed checks open a circuit of this process, for checks only: a
    person can name any host, so they must not hold back its runs.
    """

    def __init__(self, host_health: HostHealth | None = None, *, clock: Clock = utc_now) -> None:
        self._host_health = host_health
        self._clock = clock
        self._lines_of_people: WeakValueDictionary[str, Line] = WeakValueDictionary()
        self._lines_of_hosts: WeakValueDictionary[str, Line] = WeakValueDictionary()
        self._failures_of_people = RecentFailures()
        self._failures_of_hosts = RecentFailures()
        self._known_until: dict[str, float] = {}
        self._circuits: dict[str, CircuitBreaker] = {}

    @asynccontextmanager
    async def permit(
        self, person: str, origin: str, host: str, *, is_named: bool
    ) -> AsyncIterator[None]:
        """Wait for the turn of a check, and record how it ended.

        `is_named` is whether an operator names the host or its domain. A check that is cancelled
        counts as failed: its request was sent.

        Raises: TokenChecksOfPersonLimited or TokenChecksOfHostLimited if it is refused;
        CanvasUnreachable if the circuit breaker of the host is open.
        """
        deadline = _now() + MAX_WAIT_SECONDS
        of_person = _line(self._lines_of_people, person, CHECKS_PER_PERSON, MAX_WAITING_PER_PERSON)
        of_host = _line(self._lines_of_hosts, origin, CHECKS_PER_HOST, MAX_WAITING_PER_HOST)
        if not await of_person.enter(deadline):
            raise TokenChecksOfPersonLimited(BUSY_RETRY_SECONDS)
        try:
            if not await of_host.enter(deadline):
                raise TokenChecksOfHostLimited(BUSY_RETRY_SECONDS, host)
            try:
                self._require_few_failures(person, origin, host, is_named=is_named)
                async with self._observed(origin, host):
                    with self._counted(person, origin):
                        yield
                self._remember_known(origin)
            finally:
                of_host.leave()
        finally:
            of_person.leave()

    @contextmanager
    def _counted(self, person: str, origin: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._failures_of_people.add(f"{person} {origin}")
            self._failures_of_hosts.add(origin)
            raise

    def _require_few_failures(self, person: str, origin: str, host: str, *, is_named: bool) -> None:
        of_person = f"{person} {origin}"
        if wait := self._failures_of_people.wait_seconds(of_person, FAILURES_PER_PERSON):
            raise TokenChecksOfPersonLimited(wait)
        is_known = is_named or self._known_until.get(origin, 0) > _now()
        limit = FAILURES_PER_KNOWN_HOST if is_known else FAILURES_PER_UNKNOWN_HOST
        if wait := self._failures_of_hosts.wait_seconds(origin, limit):
            raise TokenChecksOfHostLimited(wait, host)

    @asynccontextmanager
    async def _observed(self, origin: str, host: str) -> AsyncIterator[None]:
        """Refuse while the circuit is open, and record whether the host responded."""
        health = self._host_health
        is_degraded = health is not None and await health.is_degraded(origin)
        if health and is_degraded and not health.admits_requested_run(origin):
            raise CanvasUnreachable(no_canvas(host))
        self._claim_probe(origin, host)
        try:
            yield
        except (NotConnected, CanvasTimeout):
            self._record_no_response(origin)
            if health and is_degraded:
                await health.record_failure(origin)
            raise
        except CanvasFailure:
            self._circuits.pop(origin, None)
            if health and is_degraded:
                await health.record_success(origin)
            raise
        self._circuits.pop(origin, None)
        if health and is_degraded:
            await health.record_success(origin)

    def _claim_probe(self, origin: str, host: str) -> None:
        circuit, now = self._circuits.get(origin, CircuitBreaker()), self._clock()
        if circuit.is_closed:
            return
        if not circuit.is_probe_due(now):
            raise CanvasUnreachable(no_canvas(host))
        self._circuits[origin] = circuit.record_probe(now, JITTER_RNG.random())

    def _record_no_response(self, origin: str) -> None:
        if len(self._circuits) >= MAX_REMEMBERED:
            self._circuits.clear()
        circuit = self._circuits.get(origin, CircuitBreaker())
        self._circuits[origin] = circuit.record_failure(self._clock(), JITTER_RNG.random())

    def _remember_known(self, origin: str) -> None:
        if len(self._known_until) >= MAX_REMEMBERED:
            self._known_until.clear()
        self._known_until[origin] = _now() + KNOWN_SECONDS


def _line(lines: WeakValueDictionary[str, Line], key: str, places: int, max_waiting: int) -> Line:
    return lines.setdefault(key, Line(places, max_waiting))


def _now() -> float:
    return asyncio.get_running_loop().time()
