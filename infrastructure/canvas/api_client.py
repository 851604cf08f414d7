"""Sends GET requests to one Canvas with one token, and retries those that may succeed later."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Any, NamedTuple

import structlog
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from multidict import CIMultiDictProxy
from yarl import URL

from domain.backoff import Backoff
from domain.errors import (
    CanvasFailure,
    CanvasResponseUnusable,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from domain.events.sync import Requests
from infrastructure.canvas.error_mapping import (
    NOT_MODIFIED,
    TRANSPORT_ERRORS,
    RetryableFailure,
    describe_connection_error,
    is_json,
    map_status,
    map_transport_error,
)
from infrastructure.canvas.instrumentation import RequestObservation, observe_request
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.response_body import (
    NotJson,
    ReadBudget,
    decode_json,
    read_body,
    read_prefix,
)
from infrastructure.canvas.throttle import Throttle

RETRY_RNG = SystemRandom()
CONNECT_PART = 0.5
"""The part of its time that a single attempt may use to connect; the rest is for the response."""
SENDABLE_VALIDATOR = re.compile(r'(?:W/)?"[!#-~]{1,200}"')
"""An ETag (RFC 9110 §8.8.3) that can be sent back unchanged as a header value."""

logger = structlog.get_logger()


Decode = Callable[[bytes], Any]
"""Decodes a body of one form; returns None for every other body."""


class CanvasResponse(NamedTuple):
    """The parts of a response that are used.

    `link` is the `Link` header. `validator` is the `ETag`, or None if it cannot be sent back.
    If `unchanged` is true, Canvas responded with 304 and `json` is None.
    """

    json: Any
    link: str = ""
    validator: str | None = None
    unchanged: bool = False


@dataclass
class RequestAttempt:
    """One attempt at a request; `sent_at` is None, by the event loop's clock, while it waits."""

    number: int
    sent_at: float | None = None


class CanvasApi:
    """Sends requests with one token to one origin until a deadline.

    With a `blocking_failure` no request is sent: `get` raises it. If `host_degraded` is true,
    one request at a time is sent and errors are not retried, until the host has responded once.
    With `single_attempt` no error is retried.
    """

    def __init__(
        self,
        session: ClientSession,
        origin: str,
        token: str,
        *,
        throttle: Throttle,
        limits: Limits,
        timeout_seconds: float,
        blocking_failure: CanvasFailure | None = None,
        host_degraded: bool = False,
        single_attempt: bool = False,
    ) -> None:
        self.origin = URL(origin)
        self.requests = Requests(total=0, not_modified=0, retried=0)
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self.blocking_failure = blocking_failure
        self._host_degraded = host_degraded
        self._single_attempt = single_attempt
        connect_part = CONNECT_PART * timeout_seconds if single_attempt else limits.pool_seconds
        self._timeout = ClientTimeout(
            # The time of a request is limited here: a slow first byte is allowed.
            total=None,
            connect=min(limits.pool_seconds, connect_part),
            sock_connect=limits.connect_seconds,
        )
        self._degraded_failure: CanvasFailure | None = None
        self._degraded_turn = asyncio.Lock()
        self._throttle = throttle
        self._limits = limits
        self._backoff = Backoff(
            limits.first_backoff_seconds, limits.max_backoff_seconds, min_jitter=0
        )
        self._byte_budget = ReadBudget(limits.run_bytes)
        self.row_budget = ReadBudget(limits.run_rows)
        self._deadline = asyncio.get_running_loop().time() + timeout_seconds

    async def get(
        self, url: URL, validator: str | None = None, decode: Decode | None = None
    ) -> CanvasResponse:
        """Send a GET request to a URL of this origin; retry with back-off and full jitter.

        A `validator` is sent as `If-None-Match`. A body for which `decode` returns None, as each
        without it, is decoded as any JSON. The loop does not use stamina: the
        number of retries depends on the failure, and the deadline is by the event loop's clock.

        Raises: CanvasFailure if no attempt succeeds before the deadline; ResponseTooLarge, one of
        them, if the response exceeds the limits of one response.
        """
        earlier_failure = self._degraded_failure
        async with self._degraded_turn:
            if self._host_degraded:
                return await self._try_degraded_host(url, validator, decode, earlier_failure)
        return await self._get(url, validator, decode)

    async def _try_degraded_host(
        self,
        url: URL,
        validator: str | None,
        decode: Decode | None,
        earlier_failure: CanvasFailure | None,
    ) -> CanvasResponse:
        """Send a request unless another one failed during the wait in a way that this one would."""
        if self._degraded_failure and self._degraded_failure is not earlier_failure:
            raise self._degraded_failure
        try:
            return await self._get(url, validator, decode)
        except (CanvasUnreachable, CanvasTimeout, CanvasTokenRejected) as failure:
            self._degraded_failure = failure
            raise

    async def _get(self, url: URL, validator: str | None, decode: Decode | None) -> CanvasResponse:
        self._check_preconditions()
        attempt = RequestAttempt(1)
        while True:
            try:
                return await self._request_once(url, validator, decode, attempt)
            except RetryableFailure as error:
                failure = error.failure
            backoff = self._backoff.delay_seconds(attempt.number, RETRY_RNG.random())
            if not self._should_retry(failure, attempt, backoff):
                raise failure
            await asyncio.sleep(backoff)
            self.requests["retried"] += 1
            attempt = RequestAttempt(attempt.number + 1)

    def _check_preconditions(self) -> None:
        if self.blocking_failure:
            raise self.blocking_failure
        if asyncio.get_running_loop().time() >= self._deadline:
            raise CanvasTimeout(
                f"The time allowed for reading {self.origin.raw_host} is over; try again later."
            )

    def _should_retry(
        self, failure: CanvasFailure, attempt: RequestAttempt, backoff: float
    ) -> bool:
        now = asyncio.get_running_loop().time()
        was_slow = (
            attempt.sent_at is not None and now - attempt.sent_at >= self._limits.slow_seconds
        )
        max_attempts = self._max_attempts(failure, was_slow=was_slow)
        return attempt.number < max_attempts and now + backoff < self._deadline

    def _max_attempts(self, failure: CanvasFailure, *, was_slow: bool) -> int:
        if self._single_attempt:
            return 1
        if isinstance(failure, CanvasThrottled):
            return self._limits.max_throttled_attempts
        if self._host_degraded:
            return 1
        if was_slow or isinstance(failure, CanvasTimeout | NotJson):
            return self._limits.max_slow_attempts
        return self._limits.max_error_attempts

    async def _request_once(
        self, url: URL, validator: str | None, decode: Decode | None, attempt: RequestAttempt
    ) -> CanvasResponse:
        # Raised outside the except block: errors of aiohttp hold the request headers, with the
        # token, and would be attached as the context of the failure.
        try:
            async with asyncio.timeout_at(self._deadline), self._throttle.slot() as generation:
                self.requests["total"] += 1
                attempt.sent_at = asyncio.get_running_loop().time()
                with observe_request(url, attempt.number) as observation:
                    body, headers = await self._send(url, generation, validator, observation)
        except TRANSPORT_ERRORS as error:
            failure = map_transport_error(error, str(self.origin.raw_host))
            if reason := describe_connection_error(error):
                logger.info("canvas_not_connected", host=self.origin.raw_host, reason=reason)
        else:
            self._host_degraded = False
            return await self._to_response(body, headers, decode)
        raise failure

    async def _to_response(
        self, body: bytes | None, headers: CIMultiDictProxy[str], decode: Decode | None
    ) -> CanvasResponse:
        """Decode a response; a body that is not JSON may be complete at the next attempt."""
        if body is None:
            self.requests["not_modified"] += 1
            return CanvasResponse(None, unchanged=True)
        document = decode(body) if decode else None
        await asyncio.sleep(0)
        try:
            document = await decode_json(body) if document is None else document
        except NotJson as failure:
            raise RetryableFailure(failure) from None
        etag = headers.get("ETag", "")
        return CanvasResponse(
            document,
            ",".join(headers.getall("Link", ())),
            etag if SENDABLE_VALIDATOR.fullmatch(etag) else None,
        )

    async def _send(
        self, url: URL, generation: int, validator: str | None, observation: RequestObservation
    ) -> tuple[bytes | None, CIMultiDictProxy[str]]:
        """Send a request; the first byte and the body each have a time limit of their own."""
        headers = self._headers | ({"If-None-Match": validator} if validator else {})
        request = self._session.get(
            url, headers=headers, allow_redirects=False, timeout=self._timeout
        )
        async with (
            asyncio.timeout(self._limits.first_byte_seconds) as time_limit,
            request as response,
        ):
            time_limit.reschedule(asyncio.get_running_loop().time() + self._limits.body_seconds)
            observation.status = response.status
            try:
                body = await self._read_body(response, generation, validator, time_limit)
            except (CanvasResponseUnusable, asyncio.CancelledError):
                response.close()
                raise
            self._throttle.record_response(generation, _rate_limit_remaining(response))
            return body, response.headers

    async def _read_body(
        self,
        response: ClientResponse,
        generation: int,
        validator: str | None,
        time_limit: asyncio.Timeout,
    ) -> bytes | None:
        if validator and response.status == NOT_MODIFIED:
            return None
        await self._check_response(response, generation)
        return await read_body(response, self._limits, self._byte_budget, time_limit)

    async def _check_response(self, response: ClientResponse, generation: int) -> None:
        host = str(self.origin.raw_host)
        body_prefix = b"" if response.ok else await read_prefix(response)
        failure = map_status(response.status, response.headers, body_prefix, host)
        if isinstance(failure, RetryableFailure) and isinstance(failure.failure, CanvasThrottled):
            self._throttle.record_throttled(generation)
        if failure:
            raise failure
        if not is_json(response.headers):
            raise CanvasResponseUnusable(
                f"{host} did not send JSON; check that the address is that of a Canvas."
            )


def _rate_limit_remaining(response: ClientResponse) -> float | None:
    try:
        return float(response.headers["X-Rate-Limit-Remaining"])
    except (KeyError, ValueError):
        return None
