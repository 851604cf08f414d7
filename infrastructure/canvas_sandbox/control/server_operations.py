"""What the operators of a Canvas do: tokens, faults, delay, clock and the request log."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from infrastructure.canvas_sandbox.fault_injection import Fault, FaultQueue
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import SandboxState


class ServerOperations:
    """Everything that is neither a course nor a grade."""

    _state: SandboxState
    _handler: RequestHandler
    _faults: FaultQueue
    _log: RequestLog

    def issue_token(self, *, student: int = 0) -> str:
        """Give a student one more token."""
        return self._state.tokens.issue(self._state.students[student]).text

    def revoke_token(self, *, student: int = 0) -> None:
        """Revoke all of a student's tokens."""
        for token in self._state.tokens.of_student(student):
            token.revoked = True

    def expire_token(self, *, student: int = 0) -> None:
        """Let all of a student's tokens expire now."""
        for token in self._state.tokens.of_student(student):
            token.expires_at = self._state.clock.now()

    def restore_token(self, *, student: int = 0) -> None:
        """Make all of a student's tokens good again: alive, without scopes, includes heard."""
        for token in self._state.tokens.of_student(student):
            token.revoked, token.expires_at = False, None
            token.scopes, token.honors_includes = None, True

    def limit_scopes(self, scopes: Sequence[str], *, student: int = 0) -> None:
        """Let a student's tokens reach only paths that match one of these patterns."""
        for token in self._state.tokens.of_student(student):
            token.scopes = tuple(scopes)

    def ignore_includes(self, *, student: int = 0) -> None:
        """Let a student's tokens behave as those of a scoped key: `include[]` is dropped."""
        for token in self._state.tokens.of_student(student):
            token.honors_includes = False

    def inject(
        self,
        kind: str,
        *,
        times: int | None = 1,
        path: str = "",
        student: int | None = None,
        **details: Any,
    ) -> None:
        """Let the next requests meet a fault; kinds and details are listed in `faults`."""
        self._faults.inject(Fault(kind, times, path, student, details))

    def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        self._faults.clear()

    def set_latency(self, latency_ms: float) -> None:
        """Delay every answer from now on."""
        self._handler.latency_ms = latency_ms

    def advance_clock(self, seconds: int) -> None:
        """Move the sandbox's time on at once."""
        self._state.clock.advance(seconds)

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests, oldest first."""
        return [asdict(entry) for entry in self._log.entries]

    def counters(self) -> dict[str, Any]:
        """How many requests there were, by path and status, and how many at once."""
        return self._log.counters()

    def forget_requests(self) -> None:
        """Empty the request log and its counters."""
        self._log.clear()
