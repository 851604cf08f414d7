"""The Canvas client: opens accounts at every host that the host policy allows."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Self

import structlog
from aiohttp.abc import AbstractResolver

from application.event_metadata import current_metadata
from application.ports import CanvasUser, HostHealth
from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasResponseUnusable,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
    CanvasUrlNotAllowed,
)
from infrastructure.canvas.account import CanvasAccountReader
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.error_mapping import NotConnectedInTime, no_canvas
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.canvas.json_fields import as_object, parse_id, parse_text
from infrastructure.canvas.limits import DEFAULT_LIMITS, Limits
from infrastructure.canvas.sessions import ClientSessions
from infrastructure.canvas.throttle import ThrottleRegistry
from infrastructure.canvas.token_checks import TokenChecks

SENDABLE_TOKEN = re.compile(r"[!-~]{1,1000}")
ANSWER_INTERVAL_SECONDS = 0.5
"""A failed check of a token is answered at a multiple of this time after its start.

The time must not show what the text does not: how quickly the name of a host was resolved.
"""
CANVAS_REFUSALS = (CanvasTokenRejected, CanvasForbidden, CanvasThrottled)
"""Failures that only a host which responds like a Canvas can cause."""

logger = structlog.get_logger()


class CanvasClient:
    """Sends requests to any allowed Canvas; open while used as an async context manager.

    Implements `application.ports.Canvas`.
    """

    def __init__(
        self,
        allowed_hosts: Iterable[str] = ("*.instructure.com",),
        allow_private: Iterable[str] = (),
        *,
        limits: Limits = DEFAULT_LIMITS,
        host_health: HostHealth | None = None,
        resolver: AbstractResolver | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._host_policy = HostPolicy(allowed_hosts, allow_private)
        self._limits = limits
        self._sessions = ClientSessions(limits, resolver, tls)
        self._throttles = ThrottleRegistry(limits.max_in_flight)
        self._token_checks = TokenChecks(host_health)

    async def __aenter__(self) -> Self:
        self._sessions.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sessions.close()

    def allowed_origin(self, url: str) -> str:
        """Return the origin of an address that a user entered, if a token may be sent to it.

        Raises: CanvasUrlNotAllowed if the address is not valid or its host is not allowed.
        """
        return self._host_policy.allowed_origin(url)

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        """Fetch the user to whom the token belongs with one request (`GET /users/self`).

        The actor of the current command has few of these requests at a time, and so has the host.

        Raises: CanvasFailure if the request fails or the response has no user id;
        TokenChecksOfPersonLimited or TokenChecksOfHostLimited if it is not sent.
        """
        api = self._open_api(origin, token, self._limits.whoami_seconds, single_attempt=True)
        if api.blocking_failure:
            raise api.blocking_failure
        host, started = str(api.origin.raw_host), asyncio.get_running_loop().time()
        person, is_named = current_metadata().actor, self._host_policy.is_named(origin)
        try:
            async with self._token_checks.permit(person, origin, host, is_named=is_named):
                return await _fetch_user(api)
        except CanvasFailure as error:
            failure = _shown_failure(error, host)
            logger.info("token_check_failed", host=host, code=error.code, reason=error.detail)
        await _wait_for_next_answer_time(started)
        raise failure

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[CanvasAccountReader]:
        """Open an account for a run. No request is sent until it is read.

        If `host_degraded` is true, errors are not retried until the host has responded once.
        """
        api = self._open_api(origin, token, self._limits.run_seconds, host_degraded=host_degraded)
        account = CanvasAccountReader(api, self._limits, user_id)
        try:
            yield account
        finally:
            await account.close()

    def _open_api(
        self,
        origin: str,
        token: str,
        timeout_seconds: float,
        *,
        host_degraded: bool = False,
        single_attempt: bool = False,
    ) -> CanvasApi:
        blocking_failure = self._blocking_failure(origin, token.strip())
        private = not blocking_failure and self._host_policy.is_private(origin)
        return CanvasApi(
            self._sessions.get(private=private),
            origin,
            token.strip(),
            throttle=self._throttles.for_token(origin, token.strip()),
            limits=self._limits,
            timeout_seconds=timeout_seconds,
            blocking_failure=blocking_failure,
            host_degraded=host_degraded,
            single_attempt=single_attempt,
        )

    def _blocking_failure(self, origin: str, token: str) -> CanvasFailure | None:
        """Check host and token again: the policy may have changed since the connection opened."""
        try:
            self._host_policy.allowed_origin(origin)
        except CanvasUrlNotAllowed as error:
            return CanvasUnreachable(error.reason)
        if not SENDABLE_TOKEN.fullmatch(token):
            return CanvasTokenRejected(
                "This is not a Canvas token: copy it from Canvas without spaces or line breaks."
            )
        return None


async def _fetch_user(api: CanvasApi) -> CanvasUser:
    response = await api.get(api.origin / "api/v1/users/self")
    row = as_object(response.json)
    id_ = parse_id(row.get("id"))
    if id_ is None:
        raise CanvasResponseUnusable("The response has no user.")
    return CanvasUser(id_, parse_text(row.get("name")) or "")


def _shown_failure(failure: CanvasFailure, host: str) -> CanvasFailure:
    """Return the failure that a person sees; before a valid response all are the same."""
    is_timeout = isinstance(failure, CanvasTimeout) and not isinstance(failure, NotConnectedInTime)
    if is_timeout or isinstance(failure, CANVAS_REFUSALS):
        return failure
    return CanvasUnreachable(no_canvas(host))


async def _wait_for_next_answer_time(started: float) -> None:
    elapsed = asyncio.get_running_loop().time() - started
    await asyncio.sleep(ANSWER_INTERVAL_SECONDS - elapsed % ANSWER_INTERVAL_SECONDS)
