"""The Canvas client: opens accounts at every host that the host policy allows."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver

from application.ports import CanvasUser
from domain.errors import (
    CanvasFailure,
    CanvasNotFound,
    CanvasResponseUnusable,
    CanvasTokenRejected,
    CanvasUnreachable,
    CanvasUrlNotAllowed,
)
from infrastructure.canvas.account import CanvasAccountReader
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.canvas.json_fields import as_object, parse_id, parse_text
from infrastructure.canvas.limits import DEFAULT_LIMITS, Limits
from infrastructure.canvas.sessions import ClientSessions
from infrastructure.canvas.throttle import ThrottleRegistry

SENDABLE_TOKEN = re.compile(r"[!-~]{1,1000}")


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
        resolver: AbstractResolver | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._host_policy = HostPolicy(allowed_hosts, allow_private)
        self._limits = limits
        self._sessions = ClientSessions(limits, resolver, tls)
        self._throttles = ThrottleRegistry(limits.max_in_flight)

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
        """Fetch the user to whom the token belongs (`GET /users/self`).

        Raises: CanvasFailure if the request fails or the response has no user id.
        """
        api = self._open_api(origin, token, self._limits.whoami_seconds)
        failure = CanvasResponseUnusable(
            f"{api.origin.raw_host} has no user for this token; check that the address is that of a"
            " Canvas."
        )
        try:
            response = await api.get(api.origin / "api/v1/users/self")
        except CanvasNotFound:
            raise failure from None
        row = as_object(response.json)
        id_ = parse_id(row.get("id"))
        if id_ is None:
            raise failure
        return CanvasUser(id_, parse_text(row.get("name")) or "")

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
        self, origin: str, token: str, timeout_seconds: float, *, host_degraded: bool = False
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
