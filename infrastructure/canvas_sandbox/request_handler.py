"""Every request for Canvas's API comes through here: log, bucket, delay, faults, answer."""

import asyncio
import time
from collections import defaultdict
from random import Random

from aiohttp import web

from infrastructure.canvas_sandbox.access_tokens import presented
from infrastructure.canvas_sandbox.bucket import Bucket
from infrastructure.canvas_sandbox.dispatcher import Answering, Call
from infrastructure.canvas_sandbox.error_responses import Answer, throttled
from infrastructure.canvas_sandbox.fault_injection import (
    CONNECTIONS,
    Fault,
    Faults,
    replacement,
    spoil,
)
from infrastructure.canvas_sandbox.request_log import Asked, RequestLog
from infrastructure.canvas_sandbox.response_writer import misbehave, respond
from infrastructure.canvas_sandbox.state import Campus

STRING_IDS = "application/json+canvas-string-ids"
BUSY = 0.8
"""The share of a request's time that Canvas spends on it and charges for."""


class Door:
    """Takes requests in, up to what a token's bucket holds."""

    def __init__(self, campus: Campus, faults: Faults, log: RequestLog) -> None:
        options = campus.options
        self.latency_ms = options.latency_ms
        self._campus = campus
        self._faults = faults
        self._log = log
        self._answering = Answering(campus)
        self._chance = Random(f"{options.seed}/latency")  # noqa: S311  jitter
        self._buckets = defaultdict[str, Bucket](lambda: Bucket(options.high_water_mark))

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        call = read(request)
        key = call.token or f"ip:{request.remote}"
        began = time.monotonic()
        logged = self._log.begin(key, call.path, _without_token(call), self._owner(call.token))
        bucket = self._buckets[key]
        try:
            if bucket.reserve(began):
                return await self._pass(request, call, bucket, logged)
            return await self._turn_away(bucket, logged)
        finally:
            self._log.end(key, logged, time.monotonic() - began)

    async def _pass(
        self, request: web.Request, call: Call, bucket: Bucket, logged: Asked
    ) -> web.StreamResponse:
        began = time.monotonic()
        cost = 0.0
        try:
            await self._delay()
            fault = self._faults.meet(call.path, logged.student)
            logged.fault = fault.kind if fault else None
            answer = self._answer(call, fault)
            logged.status = answer.status
            if fault and fault.kind in CONNECTIONS:
                return await misbehave(fault, request, answer)
            cost = BUSY * (time.monotonic() - began)
        finally:
            bucket.settle(cost, time.monotonic())
        spent = {"x-request-cost": str(cost), "x-runtime": f"{time.monotonic() - began:.6f}"}
        return respond(_limits(answer, bucket, spent))

    async def _turn_away(self, bucket: Bucket, logged: Asked) -> web.StreamResponse:
        bucket.settle(0.0, time.monotonic())
        answer = _limits(throttled(self._campus.options.throttle_status), bucket, {})
        logged.refused, logged.status = True, answer.status
        await self._delay()
        return respond(answer)

    def _answer(self, call: Call, fault: Fault | None) -> Answer:
        if fault is None:
            return self._answering.answer(call)
        if instead := replacement(fault):
            return instead
        ignoring = fault.kind == "includes_ignored"
        answer = self._answering.answer(call.without_includes() if ignoring else call)
        query = "&".join(f"{key}={value}" for key, value in call.query)
        return spoil(fault, answer, f"{call.url}?{query}")

    async def _delay(self) -> None:
        if self.latency_ms:
            jitter = self._campus.options.jitter
            factor = 1 + jitter * self._chance.uniform(-1, 1)
            await asyncio.sleep(self.latency_ms * factor / 1_000)

    def _owner(self, text: str | None) -> int | None:
        token = self._campus.tokens.known(text)
        return token.student.index if token else None


def read(request: web.Request) -> Call:
    """What a request says, in our words."""
    headers = request.headers
    query = tuple(request.rel_url.query.items())
    token = presented(
        headers.get("Authorization"),
        next((value for key, value in query if key == "access_token"), None),
    )
    return Call(
        method=request.method,
        url=f"{request.scheme}://{request.host}{request.path}",
        path=request.path,
        query=query,
        token=token,
        string_ids=STRING_IDS in headers.get("Accept", ""),
        gzip="gzip" in headers.get("Accept-Encoding", ""),
        if_none_match=headers.get("If-None-Match"),
    )


def _without_token(call: Call) -> str:
    return "&".join(f"{key}={value}" for key, value in call.query if key != "access_token")


def _limits(answer: Answer, bucket: Bucket, spent: dict[str, str]) -> Answer:
    remaining = {"x-rate-limit-remaining": str(bucket.remaining)}
    return answer._replace(headers={**answer.headers, **spent, **remaining})
