"""Each request to Canvas is counted, timed and shown; at LOG_LEVEL=debug it is a line of the log.

Of its address only the host and the template of the path are told, never a query or a header.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from yarl import URL

from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
)
from infrastructure.canvas.error_mapping import TRANSPORT, TryAgain, failure_of
from infrastructure.observability.instruments import CANVAS_RETRIES, CANVAS_SECONDS
from infrastructure.observability.spans import Attributes, span

NOT_MODIFIED = 304
WORD = re.compile(r"[a-z][a-z_]{0,30}|v1")
OUTCOMES: dict[type[Exception], str] = {
    CanvasThrottled: "throttled",
    CanvasTokenRejected: "refused",
    CanvasForbidden: "refused",
    CanvasTimeout: "timeout",
}
"""How a request ended badly; all else is a fault."""

log = structlog.get_logger()


@dataclass
class Seen:
    """What is seen of one request; `status` is None until Canvas answers."""

    status: int | None = None
    outcome: str = "cut_off"

    def failed(self, error: Exception) -> None:
        """Take in how it ended badly."""
        failure = error.failure if isinstance(error, TryAgain) else error
        self.outcome = OUTCOMES.get(type(failure), "fault")


@contextmanager
def watched(url: URL, attempt: int) -> Iterator[Seen]:
    """Watch one request from when it may be sent until its answer is read."""
    route, seen, began = route_of(url), Seen(), time.perf_counter()
    about: Attributes = {"server.address": str(url.host), "url.template": route, "attempt": attempt}
    with span(f"GET {route}", about, kind="client") as shown:
        try:
            yield seen
            seen.outcome = "not_modified" if seen.status == NOT_MODIFIED else "ok"
        except (TryAgain, CanvasFailure) as error:
            seen.failed(error)
            raise
        except TRANSPORT as error:
            seen.failed(failure_of(error, ""))
            raise
        finally:
            shown.tell({"http.response.status_code": seen.status or 0, "outcome": seen.outcome})
            _tell(url, route, seen, attempt, time.perf_counter() - began)


def route_of(url: URL) -> str:
    """The path with everything that is no plain word of Canvas's left out."""
    return "/".join(
        part if not part or WORD.fullmatch(part) else "{id}" for part in url.path.split("/")
    )


def _tell(url: URL, route: str, seen: Seen, attempt: int, seconds: float) -> None:
    CANVAS_SECONDS.labels(seen.outcome).observe(seconds)
    if attempt > 1:
        CANVAS_RETRIES.inc()
    log.debug(
        "canvas_request",
        host=url.host,
        route=route,
        status=seen.status,
        outcome=seen.outcome,
        attempt=attempt,
        milliseconds=round(seconds * 1000, 1),
    )
