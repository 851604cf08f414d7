"""Records metrics, a span and, at LOG_LEVEL=debug, a log message for each request to Canvas.

Of the URL only the host and the template of the path are recorded, never a query or a header.
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
    CanvasNotFound,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
)
from infrastructure.canvas.error_mapping import (
    NOT_MODIFIED,
    TRANSPORT_ERRORS,
    RetryableFailure,
    map_transport_error,
)
from infrastructure.observability.instruments import CANVAS_RETRIES, CANVAS_SECONDS
from infrastructure.observability.spans import Attributes, span

PATH_WORD = re.compile(r"[a-z][a-z_]{0,30}|v1")
FAILURE_OUTCOMES: dict[type[Exception], str] = {
    CanvasThrottled: "throttled",
    CanvasTokenRejected: "refused",
    CanvasForbidden: "refused",
    CanvasNotFound: "refused",
    CanvasTimeout: "timeout",
}
"""The outcome recorded for a failure; every other failure is recorded as `fault`."""

logger = structlog.get_logger()


@dataclass
class RequestObservation:
    """The result of one request; `status` is None until Canvas responds.

    The outcome `cut_off` remains if the request is cancelled.
    """

    status: int | None = None
    outcome: str = "cut_off"

    def record_failure(self, error: Exception) -> None:
        """Set the outcome of a request that failed."""
        failure = error.failure if isinstance(error, RetryableFailure) else error
        self.outcome = FAILURE_OUTCOMES.get(type(failure), "fault")


@contextmanager
def observe_request(url: URL, attempt: int) -> Iterator[RequestObservation]:
    """Measure one request from the moment it may be sent until its response is read."""
    template, observation, started = path_template(url), RequestObservation(), time.perf_counter()
    attributes: Attributes = {
        "server.address": str(url.raw_host),
        "url.template": template,
        "attempt": attempt,
    }
    with span(f"GET {template}", attributes, kind="client") as current_span:
        try:
            yield observation
            observation.outcome = "not_modified" if observation.status == NOT_MODIFIED else "ok"
        except (RetryableFailure, CanvasFailure) as error:
            observation.record_failure(error)
            raise
        except TRANSPORT_ERRORS as error:
            observation.record_failure(map_transport_error(error, ""))
            raise
        finally:
            current_span.set_attributes(
                {
                    "http.response.status_code": observation.status or 0,
                    "outcome": observation.outcome,
                }
            )
            _record(url, template, observation, attempt, time.perf_counter() - started)


def path_template(url: URL) -> str:
    """The path of a URL with `{id}` in place of every part that is not a plain word."""
    return "/".join(
        part if not part or PATH_WORD.fullmatch(part) else "{id}" for part in url.path.split("/")
    )


def _record(
    url: URL, template: str, observation: RequestObservation, attempt: int, seconds: float
) -> None:
    CANVAS_SECONDS.labels(observation.outcome).observe(seconds)
    if attempt > 1:
        CANVAS_RETRIES.inc()
    logger.debug(
        "canvas_request",
        host=url.raw_host,
        route=template,
        status=observation.status,
        outcome=observation.outcome,
        attempt=attempt,
        milliseconds=round(seconds * 1000, 1),
    )
