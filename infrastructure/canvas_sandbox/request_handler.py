"""Handles each request to Canvas's API: log, rate limit, latency, faults, response."""

import asyncio
import time
from collections import defaultdict
from random import Random

from aiohttp import web

from infrastructure.canvas_sandbox.access_tokens import token_of_request
from infrastructure.canvas_sandbox.dispatcher import Dispatcher, ParsedRequest
from infrastructure.canvas_sandbox.error_responses import Response, rate_limit_exceeded
from infrastructure.canvas_sandbox.fault_injection import (
    CONNECTION_KINDS,
    SLOW,
    Fault,
    FaultQueue,
    changed_request,
    corrupt,
    replacement_response,
)
from infrastructure.canvas_sandbox.host_outage import HostOutage
from infrastructure.canvas_sandbox.leaky_bucket import LeakyBucket
from infrastructure.canvas_sandbox.request_log import LoggedRequest, RequestLog
from infrastructure.canvas_sandbox.response_writer import build_response, respond_with_fault
from infrastructure.canvas_sandbox.state import SandboxState

STRING_IDS_MEDIA_TYPE = "application/json+canvas-string-ids"
CHARGED_TIME_SHARE = 0.8
"""The share of the duration of a request that is charged to the bucket as its cost."""


class RequestHandler:
    """Handles requests, and rejects them if the bucket of their token is full.

    `latency_ms` may be changed while requests are handled. While the host is away, no request
    reaches Canvas.
    """

    def __init__(
        self, state: SandboxState, faults: FaultQueue, log: RequestLog, outage: HostOutage
    ) -> None:
        options = state.options
        self._outage = outage
        self.latency_ms = options.latency_ms
        self._state = state
        self._faults = faults
        self._log = log
        self._dispatcher = Dispatcher(state)
        self._rng = Random(f"{options.seed}/latency")  # noqa: S311  jitter
        self._buckets = defaultdict[str, LeakyBucket](lambda: LeakyBucket(options.high_water_mark))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Respond to one request."""
        parsed = parse_request(request)
        key = parsed.token or f"ip:{request.remote}"
        started = time.monotonic()
        entry = self._log.begin(
            key, parsed.path, _query_without_token(parsed), self._student_index(parsed.token)
        )
        bucket = self._buckets[key]
        try:
            if self._outage.how is not None:
                entry.fault = "host_away"
                return await self._outage.respond(request, entry)
            if bucket.reserve(started):
                return await self._process(request, parsed, bucket, entry)
            return await self._reject(bucket, entry)
        finally:
            self._log.end(key, entry, time.monotonic() - started)

    async def _process(
        self, request: web.Request, parsed: ParsedRequest, bucket: LeakyBucket, entry: LoggedRequest
    ) -> web.StreamResponse:
        started = time.monotonic()
        cost = 0.0
        try:
            await self._delay()
            fault = self._faults.take(parsed.path, entry.query, entry.student)
            entry.fault = fault.kind if fault else None
            if fault and fault.kind == SLOW:
                await asyncio.sleep(float(fault.details.get("seconds", 1.0)))
            response = self._respond(parsed, fault)
            entry.status = response.status
            if fault and fault.kind in CONNECTION_KINDS:
                return await respond_with_fault(fault, request, response)
            cost = CHARGED_TIME_SHARE * (time.monotonic() - started)
        finally:
            bucket.settle(cost, time.monotonic())
        cost_headers = {
            "x-request-cost": str(cost),
            "x-runtime": f"{time.monotonic() - started:.6f}",
        }
        return build_response(_with_rate_limit(response, bucket, cost_headers))

    async def _reject(self, bucket: LeakyBucket, entry: LoggedRequest) -> web.StreamResponse:
        bucket.settle(0.0, time.monotonic())
        response = _with_rate_limit(
            rate_limit_exceeded(self._state.options.throttle_status), bucket, {}
        )
        entry.refused, entry.status = True, response.status
        await self._delay()
        return build_response(response)

    def _respond(self, parsed: ParsedRequest, fault: Fault | None) -> Response:
        if fault is None:
            return self._dispatcher.dispatch(parsed)
        if replaced := replacement_response(fault):
            return replaced
        query, shift = changed_request(fault, parsed.query)
        changed = parsed._replace(query=query, shift=shift)
        drops_includes = fault.kind == "includes_ignored"
        response = self._dispatcher.dispatch(
            changed.without_includes() if drops_includes else changed
        )
        text = "&".join(f"{key}={value}" for key, value in parsed.query)
        return corrupt(fault, response, f"{parsed.url}?{text}")

    async def _delay(self) -> None:
        if self.latency_ms:
            jitter = self._state.options.jitter
            factor = 1 + jitter * self._rng.uniform(-1, 1)
            await asyncio.sleep(self.latency_ms * factor / 1_000)

    def _student_index(self, text: str | None) -> int | None:
        token = self._state.tokens.find(text)
        return token.student if token else None


def parse_request(request: web.Request) -> ParsedRequest:
    """Convert a request of aiohttp to the parts that the response depends on."""
    headers = request.headers
    query = tuple(request.rel_url.query.items())
    token = token_of_request(
        headers.get("Authorization"),
        next((value for key, value in query if key == "access_token"), None),
    )
    return ParsedRequest(
        method=request.method,
        url=f"{request.scheme}://{request.host}{request.path}",
        path=request.path,
        query=query,
        token=token,
        string_ids=STRING_IDS_MEDIA_TYPE in headers.get("Accept", ""),
        gzip="gzip" in headers.get("Accept-Encoding", ""),
        if_none_match=headers.get("If-None-Match"),
    )


def _query_without_token(parsed: ParsedRequest) -> str:
    return "&".join(f"{key}={value}" for key, value in parsed.query if key != "access_token")


def _with_rate_limit(
    response: Response, bucket: LeakyBucket, cost_headers: dict[str, str]
) -> Response:
    remaining = {"x-rate-limit-remaining": str(bucket.remaining)}
    return response._replace(headers={**response.headers, **cost_headers, **remaining})
