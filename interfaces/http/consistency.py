"""Reads that include what a client knows already: the place of its consistency token.

Each read is answered with the token of the state that it shows. A read that sends a token waits
until its read models include the place of this token.
"""

import asyncio
import re
from typing import Annotated, Any, TypeVar, overload

from fastapi import Depends, Header, Request
from starlette.types import Scope

from domain.log_position import LogPosition
from infrastructure.event_store.timelines import UnknownPlace
from interfaces.consistency_token import (
    DEFAULT_WAIT_SECONDS,
    MAX_WAIT_SECONDS,
    decode_consistency_token,
)
from interfaces.http.auth.direct_calls import resolved_by
from interfaces.http.context import app_state_of
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import RETRY_ADVICE
from interfaces.http.middleware.admission_control import slot_released
from interfaces.service import Service
from projections.support.query import Query

R = TypeVar("R")

WAIT_PREFERENCE = re.compile(
    r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.ASCII | re.IGNORECASE
)
"""The preference `wait` of the header `Prefer` (RFC 7240, section 4.3)."""

NOT_OF_ONE_MOMENT = (
    "The read models that this needs are not at one position of the event log, so the answer would"
    f" not be of one moment. {RETRY_ADVICE} If it stays so, one of them is paused: an admin must"
    " resume it."
)


class ConsistentReader:
    """Executes the queries of one request, and repeats them until they include its token.

    The results of several queries are of one moment. A request that waits releases its slot.
    """

    def __init__(
        self, service: Service, scope: Scope, token: LogPosition | None, wait_seconds: float
    ) -> None:
        self.token = token
        """The place that the client knows already; None if it sent no token."""
        self.wait_seconds = wait_seconds
        """How long the client wants to wait, in seconds."""
        self._service = service
        self._scope = scope
        self._checked_timelines: set[int | None] = set()

    @overload
    async def __call__(self, query: Query[R], /) -> tuple[tuple[R], LogPosition]: ...
    @overload
    async def __call__(self, *queries: Query[Any]) -> tuple[tuple[Any, ...], LogPosition]: ...
    async def __call__(self, *queries: Query[Any]) -> tuple[tuple[Any, ...], LogPosition]:
        """Return the results of the queries in their order, and the place that they show.

        Raises: Problem `bad-consistency-token` if the log does not have the place of the token;
        Problem `projection-behind` if the read models did not reach it in time, or were not at one
        position; whatever building a result raises.
        """
        deadline = asyncio.get_running_loop().time() + self.wait_seconds
        may_repeat = True
        while True:
            results, place = await self._service.read(*queries)
            if place is not None and await self._includes_token(place):
                return results, place
            if place is None:
                await self.require_known_token()
            if not may_repeat:
                detail = NOT_OF_ONE_MOMENT if place is None else None
                raise Problem("projection-behind", detail, headers={"Retry-After": "1"})
            may_repeat = await self._wait_until(deadline, {query.model for query in queries})

    async def _includes_token(self, place: LogPosition) -> bool:
        """Return whether the state at a place includes that of the token.

        On its own timeline, a position that is not reached must be one of the log. On a later one,
        the log must still have the place of the token. This is checked after the read, and again
        when another timeline has begun, so no answer lacks what a restore has taken away.
        """
        token = self.token
        if token is None:
            return True
        is_reached = place.position >= token.position
        if not is_reached or place.timeline != token.timeline:
            await self.require_known_token(place.timeline)
        return is_reached

    async def require_known_token(self, timeline: int | None = None) -> None:
        """Check that the log has the place of the token, if there is one; once on each timeline.

        Raises: Problem `bad-consistency-token`.
        """
        if self.token is None or timeline in self._checked_timelines:
            return
        self._checked_timelines.add(timeline)
        try:
            await self._service.require_known_place(self.token)
        except UnknownPlace:
            raise Problem("bad-consistency-token") from None

    async def _wait_until(self, deadline: float, models: set[str]) -> bool:
        """Wait until it is worth reading again; return False when the time is over.

        What the checkpoints were decides nothing else: the answer has its own place.
        """
        remaining_seconds = deadline - asyncio.get_running_loop().time()
        position = self.token.position if self.token else 0
        if remaining_seconds <= 0:
            return False
        async with slot_released(self._scope):
            return await self._service.wait_for_place(position, sorted(models), remaining_seconds)


def _reader_of(request: Request) -> ConsistentReader:
    consistency_token = request.headers.get("consistency-token")
    token = _parse_token(consistency_token) if consistency_token is not None else None
    wait_seconds = _parse_wait_seconds(request.headers.getlist("prefer"))
    service = app_state_of(request).service
    return ConsistentReader(service, request.scope, token, wait_seconds)


@resolved_by(_reader_of)
async def _open_reader(
    request: Request,
    _consistency_token: Annotated[
        str | None,
        Header(
            alias="Consistency-Token",
            description=(
                "The token of an earlier response or live message: the read waits until it"
                " includes what that one showed or changed"
            ),
        ),
    ] = None,
    _: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="`wait=<seconds>`: how long to wait (default 2, at most 10)",
        ),
    ] = None,
) -> ConsistentReader:
    return _reader_of(request)


ConsistentReads = Annotated[ConsistentReader, Depends(_open_reader)]
"""A parameter of a route that reads; it documents the headers that the reader follows."""


def _parse_token(token: str) -> LogPosition:
    try:
        return decode_consistency_token(token)
    except ValueError:
        raise Problem("bad-consistency-token") from None


def _parse_wait_seconds(preferences: list[str]) -> float:
    match = WAIT_PREFERENCE.search(",".join(preferences))
    return min(float(match[1]), MAX_WAIT_SECONDS) if match else DEFAULT_WAIT_SECONDS
