"""Operations on the server: faults, outages, latency, clock and request log."""

from dataclasses import asdict
from typing import Any

from infrastructure.canvas_sandbox.fault_injection import Fault, FaultQueue
from infrastructure.canvas_sandbox.host_outage import HostOutage, HowAway
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.sandbox_clock import SandboxClock, format_time


class ServerOperations:
    """Changes how the server behaves, and reports the requests it received."""

    def __init__(
        self,
        clock: SandboxClock,
        handler: RequestHandler,
        faults: FaultQueue,
        log: RequestLog,
        outage: HostOutage,
    ) -> None:
        self._outage = outage
        self._clock = clock
        self._handler = handler
        self._faults = faults
        self._log = log

    def inject(
        self,
        kind: str,
        *,
        times: int | None = 1,
        path: str = "",
        query: str = "",
        student: int | None = None,
        **details: Any,
    ) -> None:
        """Inject a fault into the next matching requests; see `fault_injection` for the kinds."""
        self._faults.inject(Fault(kind, times, path, query, student, details))

    def clear_faults(self) -> None:
        """Remove the faults that are not used up."""
        self._faults.clear()

    def host_away(self, how: HowAway = "unavailable", *, seconds: float | None = None) -> None:
        """Let all fail: `unavailable`, `close`, `hang`, or `refuse`, over HTTP only with `seconds`.

        Only with `refuse` the control API is away too, as it has the same port.
        """
        self._outage.begin(how, seconds)

    def host_back(self) -> None:
        """End an outage of the host."""
        self._outage.end()

    def set_latency(self, latency_ms: float) -> None:
        """Delay every response by this time from now on."""
        self._handler.latency_ms = latency_ms

    def advance_clock(self, seconds: int) -> None:
        """Move the clock of the sandbox forward."""
        self._clock.advance(seconds)

    def status(self) -> dict[str, Any]:
        """Describe the server: how it is away (null if it is not), its delay and its time."""
        return {
            "away": self._outage.how,
            "latency_ms": self._handler.latency_ms,
            "now": format_time(self._clock.now()),
        }

    def requests(self) -> list[dict[str, Any]]:
        """List the latest requests, oldest first."""
        return [asdict(entry) for entry in self._log.entries]

    def counters(self) -> dict[str, Any]:
        """Count the requests by path and status, and the maximum in flight."""
        return self._log.counters()

    def forget_requests(self) -> None:
        """Clear the request log and its counters."""
        self._log.clear()
