"""Checks signatures of tokens one at a time: fair by address, with a bounded share of the CPU."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

CPU_SHARE = 0.25
"""The share of the time of the process that signature checks may use."""
BURST_SECONDS = 0.01
"""Seconds of checks that may run without a pause: about 70 of ES256, 1,000 of HS256."""
SUSPICION_SECONDS, MAX_SUSPECTS = 60.0, 10_000
"""Seconds for which an address is served after others when a signature from it was not valid."""
SUSPECT_TURNS = 4
"""Of so many checks one is for an address with failures, so that it is never left out."""

Check = Callable[[], dict[str, Any]]
"""Returns the claims of a token whose signature is valid, and raises an error otherwise."""


class WaitingCheck(NamedTuple):
    """A check that waits for its turn, and the future that gets its result."""

    check: Check
    result: asyncio.Future[dict[str, Any]]


class SignatureChecks:
    """Runs checks in the order of fairness: each address in turn, those with failures less often.

    No check is ever refused. The wait is bounded, because a connection has one check at a time: it
    is at most the number of waiting connections times the time of a check, divided by CPU_SHARE.
    """

    def __init__(self) -> None:
        self._waiting: dict[bool, OrderedDict[str, deque[WaitingCheck]]] = {
            False: OrderedDict(),
            True: OrderedDict(),
        }
        """The waiting checks by address; under True those of suspects."""
        self._suspected_until: OrderedDict[str, float] = OrderedDict()
        self._turn = 0
        self._credit_seconds = BURST_SECONDS
        self._credited_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    async def run(self, address: str, check: Check) -> dict[str, Any]:
        """Run a check for an address when its turn has come, and return its result.

        Raises: what the check raises; the address is then a suspect for a minute.
        """
        waiting = WaitingCheck(check, asyncio.get_running_loop().create_future())
        if not self._has_waiting() and self._remaining_credit() > 0:
            self._complete(address, waiting)
        else:
            queues = self._waiting[self._is_suspect(address)]
            queues.setdefault(address, deque()).append(waiting)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._run_waiting())
        return await waiting.result

    async def _run_waiting(self) -> None:
        while self._has_waiting():
            credit = self._remaining_credit()
            if credit > 0:
                self._complete(*self._take_next())
                await asyncio.sleep(0)
            else:
                await asyncio.sleep((BURST_SECONDS / 2 - credit) / CPU_SHARE)

    def _complete(self, address: str, waiting: WaitingCheck) -> None:
        if waiting.result.done():
            return  # the client has disconnected
        started = time.perf_counter()
        try:
            waiting.result.set_result(waiting.check())
        except Exception as error:  # noqa: BLE001  # raised where the result is awaited
            waiting.result.set_exception(error)
            self._suspect(address)
        finally:
            self._credit_seconds -= time.perf_counter() - started

    def _has_waiting(self) -> bool:
        return any(self._waiting.values())

    def _take_next(self) -> tuple[str, WaitingCheck]:
        self._turn = (self._turn + 1) % SUSPECT_TURNS
        prefers_suspects = self._turn == 0
        queues = self._waiting[prefers_suspects] or self._waiting[not prefers_suspects]
        address, checks = queues.popitem(last=False)
        waiting = checks.popleft()
        if checks:
            queues[address] = checks  # at the end: the other addresses come first
        return address, waiting

    def _remaining_credit(self) -> float:
        now = time.monotonic()
        gained = (now - self._credited_at) * CPU_SHARE
        self._credit_seconds = min(BURST_SECONDS, self._credit_seconds + gained)
        self._credited_at = now
        return self._credit_seconds

    def _is_suspect(self, address: str) -> bool:
        return self._suspected_until.get(address, 0.0) > time.monotonic()

    def _suspect(self, address: str) -> None:
        self._suspected_until[address] = time.monotonic() + SUSPICION_SECONDS
        self._suspected_until.move_to_end(address)
        if len(self._suspected_until) > MAX_SUSPECTS:
            self._suspected_until.popitem(last=False)
