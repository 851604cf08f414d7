"""Records metrics, a span and, at LOG_LEVEL=debug, a log message for each request to Canvas.

Of the URL only the host and the template of the path are recorded, never a query or a header.
"""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

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
from infrastructure.observability.spans import Attributes, are_spans_exported, span

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


class RequestObservation:
    """The result of one request, which is recorded at the end of the `with` block.

    `status` is None until Canvas responds. The outcome `cut_off` remains if the request is
    cancelled.
    """

    def __init__(self, url: URL, attempt: int) -> None:
        self.status: int | None = None
        self.outcome = "cut_off"
        self._url = url
        self._attempt = attempt

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.outcome = "not_modified" if self.status == NOT_MODIFIED else "ok"
        elif isinstance(error, RetryableFailure):
            self.outcome = _outcome(error.failure)
        elif isinstance(error, CanvasFailure):
            self.outcome = _outcome(error)
        elif isinstance(error, TRANSPORT_ERRORS):
            self.outcome = _outcome(map_transport_error(error, ""))
        seconds = time.perf_counter() - self._started
        CANVAS_SECONDS.labels(self.outcome).observe(seconds)
        if self._attempt > 1:
            CANVAS_RETRIES.inc()
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
            self._log(seconds)

    def _log(self, seconds: float) -> None:
        logger.debug(
            "canvas_request",
            host=self._url.raw_host,
            route=path_template(self._url),
            status=self.status,
            outcome=self.outcome,
            attempt=self._attempt,
            milliseconds=round(seconds * 1000, 1),
        )


def observe_request(url: URL, attempt: int) -> AbstractContextManager[RequestObservation]:
    """Measure one request from the moment it may be sent until its response is read."""
    observation = RequestObservation(url, attempt)
    return _traced(observation, url, attempt) if are_spans_exported() else observation


@contextmanager
def _traced(
    observation: RequestObservation, url: URL, attempt: int
) -> Iterator[RequestObservation]:
    template = path_template(url)
    attributes: Attributes = {
        "server.address": str(url.raw_host),
        "url.template": template,
        "attempt": attempt,
    }
    with span(f"GET {template}", attributes, kind="client") as current_span:
        try:
            with observation:
                yield observation
        finally:
            current_span.set_attributes(
                {
                    "http.response.status_code": observation.status or 0,
                    "outcome": observation.outcome,
                }
            )


def path_template(url: URL) -> str:
    """The path of a URL with `{id}` in place of every part that is not a plain word."""
    return "/".join(
        part if not part or PATH_WORD.fullmatch(part) else "{id}" for part in url.path.split("/")
    )


def _outcome(failure: Exception) -> str:
    return FAILURE_OUTCOMES.get(type(failure), "fault")
