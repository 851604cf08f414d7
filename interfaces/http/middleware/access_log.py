"""Logs requests: one line for each, and a limited number of lines for refused ones."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import Scope

from infrastructure.observability.json_lines import encode_line, json_line_handler
from infrastructure.observability.redaction import redact_path
from infrastructure.rate_limiting.token_bucket import TokenBucket
from interfaces.http.middleware.request_metrics import KNOWN_METHODS, route_template

logger = structlog.get_logger(__name__)
_LEVELS = logging.getLogger(__name__)

REFUSALS_AT_ONCE, SECONDS_PER_REFUSAL = 50, 0.1
"""Lines about refused requests that are written at once, and the seconds until there is one more.

Clients decide how many requests are refused; without a limit they could fill the disk.
"""
SUMMARY_SECONDS = 10.0
"""Seconds until one line counts the refused requests that have no line of their own."""
QUIET_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Requests to these paths are logged at level DEBUG: monitoring sends them every few seconds."""
FIRST_REFUSAL_STATUS, RATE_LIMITED_STATUS = 400, 429


class RequestLog:
    """The log messages `request`, and `requests_not_logged` with the refused ones left out.

    `now` returns seconds of a monotonic clock.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._refusals = TokenBucket(REFUSALS_AT_ONCE, SECONDS_PER_REFUSAL, now=now)
        self._not_logged: Counter[int] = Counter()
        self._summary_at = 0.0

    def write(self, scope: Scope, user_id: str | None, status: int, seconds: float) -> None:
        """Log one request, by its path without the query, unless too many were refused."""
        if self._not_logged and self._now() >= self._summary_at:
            self._write_summary()
        if _is_limited(scope, user_id, status) and not self._refusals.take():
            if not self._not_logged:
                self._summary_at = self._now() + SUMMARY_SECONDS
            self._not_logged[status] += 1
            return
        level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
        _write_line(level, _fields(scope, user_id, status, seconds))

    def _write_summary(self) -> None:
        logger.warning(
            "requests_not_logged",
            requests=self._not_logged.total(),
            statuses={str(status): count for status, count in sorted(self._not_logged.items())},
        )
        self._not_logged.clear()


def _fields(scope: Scope, user_id: str | None, status: int, seconds: float) -> dict[str, Any]:
    path, route = scope["path"], route_template(scope)
    return {
        "method": scope["method"],
        "path": path if path == route else redact_path(path),
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "user_id": user_id,
    }


def _write_line(level: int, fields: dict[str, Any]) -> None:
    """Write the line with one encoder, or with structlog if it is not JSON in plain ASCII."""
    handler = json_line_handler() if fields["method"] in KNOWN_METHODS else None
    if handler and not _LEVELS.isEnabledFor(level):
        return
    level_name = "debug" if level == logging.DEBUG else "info"
    line = encode_line("request", level_name, __name__, fields) if handler else None
    if handler and line:
        handler.write_line(line)
    else:
        logger.log(level, "request", **fields)


def _is_limited(scope: Scope, user_id: str | None, status: int) -> bool:
    """Whether any client can cause such a response as often as it likes.

    Preflight requests are not counted for a rate limit: browsers send them without a token.
    """
    is_refused = status >= FIRST_REFUSAL_STATUS or scope["method"] == "OPTIONS"
    return (user_id is None and is_refused) or status == RATE_LIMITED_STATUS
