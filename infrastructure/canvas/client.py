"""Every Canvas there is, behind the policy of which hosts may be asked."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver

from application.ports import CanvasUser
from domain.errors import (
    CanvasAnswerUnusable,
    CanvasFailure,
    CanvasTokenRejected,
    CanvasUnreachable,
    CanvasUrlNotAllowed,
)
from infrastructure.canvas.account import CanvasAccount
from infrastructure.canvas.api_client import Asking
from infrastructure.canvas.host_policy import Hosts
from infrastructure.canvas.json_fields import id_of, record, text
from infrastructure.canvas.limits import USUAL, Limits
from infrastructure.canvas.sessions import Sessions
from infrastructure.canvas.throttle import Throttles

SENDABLE = re.compile(r"[!-~]{1,1000}")


class CanvasClient:
    """Asks any allowed Canvas; open while used as an async context manager."""

    def __init__(
        self,
        allowed_hosts: Iterable[str] = ("*.instructure.com",),
        allow_private: Iterable[str] = (),
        *,
        limits: Limits = USUAL,
        resolver: AbstractResolver | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self._hosts = Hosts(allowed_hosts, allow_private)
        self._limits = limits
        self._sessions = Sessions(limits, resolver, tls)
        self._throttles = Throttles(limits.in_flight)

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

    def origin(self, url: str) -> str:
        """The origin of an address we may send a token to; raises CanvasUrlNotAllowed."""
        return self._hosts.origin(url)

    async def whoami(self, origin: str, token: str) -> CanvasUser:
        """Ask Canvas whose token it is; raises CanvasFailure."""
        asking = self._asking(origin, token, self._limits.whoami)
        answer = await asking.get(asking.origin / "api/v1/users/self")
        row = record(answer.json)
        id_ = id_of(row.get("id"))
        if id_ is None:
            raise CanvasAnswerUnusable("Canvas does not say whose token it is; it may be none.")
        return CanvasUser(id_, text(row.get("name")) or "")

    @asynccontextmanager
    async def account(
        self, origin: str, token: str, *, in_doubt: bool = False
    ) -> AsyncIterator[CanvasAccount]:
        """Open an account for a run; what is wrong with it shows when it is read.

        A host in doubt is tried once, until it answers.
        """
        asking = self._asking(origin, token, self._limits.run, in_doubt=in_doubt)
        account = CanvasAccount(asking, self._limits)
        try:
            yield account
        finally:
            await account.close()

    def _asking(self, origin: str, token: str, seconds: float, *, in_doubt: bool = False) -> Asking:
        refusal = self._refusal(origin, token.strip())
        private = not refusal and self._hosts.is_private(origin)
        return Asking(
            self._sessions.of(private=private),
            origin,
            token.strip(),
            throttle=self._throttles.of(origin, token.strip()),
            limits=self._limits,
            seconds=seconds,
            refusal=refusal,
            in_doubt=in_doubt,
        )

    def _refusal(self, origin: str, token: str) -> CanvasFailure | None:
        """Why nothing is asked; the policy may have changed since the origin was accepted."""
        try:
            self._hosts.origin(origin)
        except CanvasUrlNotAllowed as refusal:
            return CanvasUnreachable(refusal.reason)
        if not SENDABLE.fullmatch(token):
            return CanvasTokenRejected("This is no Canvas token; copy it from Canvas as it stands.")
        return None
