"""Asking one Canvas with one token: GET requests that are repeated where that helps."""

import asyncio
import re
from secrets import SystemRandom
from typing import Any, NamedTuple

from aiohttp import ClientResponse, ClientSession
from multidict import CIMultiDictProxy
from yarl import URL

from domain.errors import (
    CanvasAnswerUnusable,
    CanvasFailure,
    CanvasThrottled,
    CanvasTimeout,
)
from domain.events.sync import Requests
from infrastructure.canvas.error_mapping import (
    NOT_MODIFIED,
    TRANSPORT,
    TryAgain,
    failure_of,
    is_json,
    verdict,
)
from infrastructure.canvas.instrumentation import Seen, watched
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.response_body import Allowance, beginning, decoded, whole
from infrastructure.canvas.throttle import Throttle

CHANCE = SystemRandom()
SENDABLE = re.compile(r'(?:W/)?"[!#-~]{1,200}"')
"""A validator that can be sent back as it came."""


class Answer(NamedTuple):
    """The JSON of an answer, its `Link` header, and its validator where that is worth keeping."""

    json: Any
    link: str = ""
    validator: str | None = None
    unchanged: bool = False


class Asking:
    """One token at one origin, until a deadline of the event loop's clock."""

    def __init__(
        self,
        session: ClientSession,
        origin: str,
        token: str,
        *,
        throttle: Throttle,
        limits: Limits,
        seconds: float,
        refusal: CanvasFailure | None = None,
        in_doubt: bool = False,
    ) -> None:
        self.origin = URL(origin)
        self.requests = Requests(total=0, not_modified=0, retried=0)
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self._refusal = refusal
        self._in_doubt = in_doubt
        self._throttle = throttle
        self._limits = limits
        self._allowance = Allowance(limits.run_bytes)
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def get(self, url: URL, validator: str | None = None) -> Answer:
        """Ask for an address below the origin; raises CanvasFailure.

        `unchanged` is an answer that would be the same as the one with this validator.
        """
        self._must_be_possible()
        attempt = 1
        while True:
            try:
                return await self._once(url, validator, attempt)
            except TryAgain as fault:
                failure = fault.failure
            pause = CHANCE.uniform(0, self._longest_pause(attempt))
            if not self._is_worth_it(failure, attempt, pause):
                raise failure
            await asyncio.sleep(pause)
            self.requests["retried"] += 1
            attempt += 1

    def _must_be_possible(self) -> None:
        if self._refusal:
            raise self._refusal
        if asyncio.get_running_loop().time() >= self._deadline:
            raise CanvasTimeout(f"{self.origin.host} took more time than a run may have.")

    def _longest_pause(self, attempt: int) -> float:
        return min(self._limits.longest_pause, self._limits.first_pause * (1 << attempt - 1))

    def _is_worth_it(self, failure: CanvasFailure, attempt: int, pause: float) -> bool:
        now = asyncio.get_running_loop().time()
        return attempt < self._attempts(failure) and now + pause < self._deadline

    def _attempts(self, failure: CanvasFailure) -> int:
        if isinstance(failure, CanvasThrottled):
            return self._limits.refusal_attempts
        return 1 if self._in_doubt else self._limits.fault_attempts

    async def _once(self, url: URL, validator: str | None, attempt: int) -> Answer:
        # Raised outside the handler: aiohttp's errors carry the request's headers, so the token.
        try:
            async with asyncio.timeout_at(self._deadline), self._throttle.slot() as era:
                self.requests["total"] += 1
                with watched(url, attempt) as seen:
                    body, headers = await self._exchange(url, era, validator, seen)
        except TRANSPORT as error:
            failure = failure_of(error, str(self.origin.host))
        else:
            self._in_doubt = False
            return self._read(body, headers)
        raise failure

    def _read(self, body: bytes | None, headers: CIMultiDictProxy[str]) -> Answer:
        if body is None:
            self.requests["not_modified"] += 1
            return Answer(None, unchanged=True)
        etag = headers.get("ETag", "")
        return Answer(
            decoded(body, self._limits.values),
            ",".join(headers.getall("Link", ())),
            etag if SENDABLE.fullmatch(etag) else None,
        )

    async def _exchange(
        self, url: URL, era: int, validator: str | None, seen: Seen
    ) -> tuple[bytes | None, CIMultiDictProxy[str]]:
        headers = self._headers | ({"If-None-Match": validator} if validator else {})
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            seen.status = response.status
            try:
                body = await self._body(response, era, validator)
            except CanvasAnswerUnusable:
                response.close()
                raise
            self._throttle.answered(era, _remaining(response))
            return body, response.headers

    async def _body(
        self, response: ClientResponse, era: int, validator: str | None
    ) -> bytes | None:
        if validator and response.status == NOT_MODIFIED:
            return None
        await self._must_be_an_answer(response, era)
        return await whole(response, self._limits.answer_bytes, self._allowance)

    async def _must_be_an_answer(self, response: ClientResponse, era: int) -> None:
        host = str(self.origin.host)
        start = b"" if response.ok else await beginning(response)
        failure = verdict(response.status, response.headers, start, host)
        if isinstance(failure, TryAgain) and isinstance(failure.failure, CanvasThrottled):
            self._throttle.refused(era)
        if failure:
            raise failure
        if not is_json(response.headers):
            raise CanvasAnswerUnusable(f"{host} sent no JSON; it may be no Canvas.")


def _remaining(response: ClientResponse) -> float | None:
    try:
        return float(response.headers["X-Rate-Limit-Remaining"])
    except (KeyError, ValueError):
        return None
