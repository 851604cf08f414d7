"""Limits on the live connections that are open in this process.

They are counted per person. WebSockets that are not authenticated are counted by address and in
all from their arrival on; too many shorten the time that the oldest of them have.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

from interfaces.http.errors.problem import Problem
from interfaces.http.server.client_connections import mark_authenticated

MAX_CONNECTIONS_PER_PERSON = 50
"""Event streams and WebSockets that one person may have open; each needs about 40 KB."""
MAX_UNAUTHENTICATED_CONNECTIONS = 256
"""WebSockets that may be open before they have sent a valid token."""
MAX_UNAUTHENTICATED_PER_ADDRESS = 32
"""Those of one address that have the whole AUTH_TIMEOUT_SECONDS; the newest of them."""
AUTH_TIMEOUT_SECONDS = 5.0
"""Seconds from the arrival of a WebSocket until its token."""
SHORT_AUTH_TIMEOUT_SECONDS = 1.0
"""Seconds that the others of an address with too many have: enough for a slow network."""


class UnauthenticatedSocket:
    """A WebSocket that has sent no valid token yet, and the time that it has for that."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_shortened = False
        self._now = asyncio.get_running_loop().time
        self._arrived_at = self._now()
        self._deadline = self._arrived_at + AUTH_TIMEOUT_SECONDS
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def time_limit(self) -> AsyncIterator[None]:
        """Limit the time of the block.

        Raises: TimeoutError when the time is over.
        """
        async with asyncio.timeout_at(self._deadline) as timeout:
            self._timeout = timeout
            try:
                yield
            finally:
                self._timeout = None

    def shorten(self, seconds: float) -> None:
        """Leave it no more than these seconds since its arrival."""
        self.is_shortened = True
        self._deadline = min(self._deadline, max(self._now(), self._arrived_at + seconds))
        if self._timeout:
            with suppress(RuntimeError):  # its time is over already
                self._timeout.reschedule(self._deadline)


class ConnectionLimits:
    """Counts the open live connections and refuses those above a limit."""

    def __init__(self) -> None:
        self._by_person: Counter[UUID] = Counter()
        self._unauthenticated: dict[str, dict[UnauthenticatedSocket, None]] = {}
        self._unhurried: dict[str, dict[UnauthenticatedSocket, None]] = {}

    @contextmanager
    def unauthenticated(self, address: str) -> Iterator[UnauthenticatedSocket]:
        """Count a WebSocket of an address until it is authenticated.

        If there are too many in all, the oldest of the address with the most is shed: its time is
        over. A new one is never refused, because the oldest are those that send nothing.
        """
        while sum(map(len, self._unauthenticated.values())) >= MAX_UNAUTHENTICATED_CONNECTIONS:
            largest = max(self._unauthenticated.values(), key=len)
            oldest = next(iter(largest))
            self._remove(oldest)
            oldest.shorten(0)
        socket = UnauthenticatedSocket(address)
        self._unauthenticated.setdefault(address, {})[socket] = None
        unhurried = self._unhurried.setdefault(address, {})
        unhurried[socket] = None
        if len(unhurried) > MAX_UNAUTHENTICATED_PER_ADDRESS:
            oldest = next(iter(unhurried))
            del unhurried[oldest]
            oldest.shorten(SHORT_AUTH_TIMEOUT_SECONDS)
        try:
            yield socket
        finally:
            self._remove(socket)

    def _remove(self, socket: UnauthenticatedSocket) -> None:
        for sockets_by_address in (self._unauthenticated, self._unhurried):
            sockets = sockets_by_address.get(socket.address, {})
            sockets.pop(socket, None)
            if not sockets:
                sockets_by_address.pop(socket.address, None)

    def require_capacity(self, person_id: UUID) -> None:
        """Check that a person may open one more live connection.

        Raises: Problem `rate-limited` if not.
        """
        if self._by_person[person_id] >= MAX_CONNECTIONS_PER_PERSON:
            detail = (
                f"You have {MAX_CONNECTIONS_PER_PERSON} live connections open, which is the limit; "
                "close one and connect again."
            )
            raise Problem("rate-limited", detail, headers={"Retry-After": "5"})

    @contextmanager
    def authenticated(self, person_id: UUID, scope: MutableMapping[str, Any]) -> Iterator[None]:
        """Count a live connection of a person during the block; `scope` is that of its request.

        Raises: Problem `rate-limited` if they may not open one more.
        """
        self.require_capacity(person_id)
        mark_authenticated(scope)
        self._by_person[person_id] += 1
        try:
            yield
        finally:
            self._by_person[person_id] -= 1
            if not self._by_person[person_id]:
                del self._by_person[person_id]
