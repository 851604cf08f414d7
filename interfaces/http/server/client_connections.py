"""The open connections of clients: counted in all and by address, and shed when there are too many.

`docs/decisions/0023-connections-of-a-process.md` has the reasons.
"""

import time
from collections.abc import Callable, Iterable, MutableMapping
from enum import IntEnum, auto
from typing import Any

from interfaces.http.middleware.rate_budget import client_address
from interfaces.http.server.file_budget import HEALTH_CONNECTIONS, MAX_CLIENT_CONNECTIONS
from interfaces.http.server.proxy_detector import ProxyDetector
from interfaces.http.server.trusted_networks import LOOPBACK_NETWORKS, TrustedNetworks

CLIENT_CONNECTION_KEY = "easeboard.client_connection"
"""The key of the ClientConnection in an ASGI scope."""
MAX_CONNECTIONS_PER_ADDRESS = 256
"""Connections of one address that is no trusted proxy; authenticated live ones do not count."""
NEARLY_FULL, CROWDED = 0.9, 0.75
"""Shares of the limit above which connections are shed, and above which keep-alive is short."""


class Phase(IntEnum):
    """What a connection does.

    Integers, because they are keys: the hash of another enumeration is computed in Python.
    """

    UNUSED = auto()
    """It has received no byte of a request."""
    IDLE = auto()
    """It is between two requests."""
    STALLED = auto()
    """Its client does not read the response."""
    HEAD = auto()
    """It receives the headers of a request."""
    GUEST = auto()
    """It is a WebSocket that is not authenticated."""
    BUSY = auto()
    """A request is served."""
    MEMBER = auto()
    """It is a live connection of a person."""
    GONE = auto()
    """It is closed, or about to be."""


PHASES_TO_SHED = {
    Phase.UNUSED: 1.0,
    Phase.IDLE: 0.0,
    Phase.STALLED: 2.0,
    Phase.HEAD: 1.0,
    Phase.GUEST: 1.0,
}
"""The phases that are shed, first to last, each with the seconds that a connection has in it."""


class ClientConnection:
    """One open connection, whichever protocol it speaks."""

    __slots__ = ("_close", "_table", "address", "is_for_health_only", "phase", "since")

    def __init__(
        self, table: "ClientConnections", address: str | None, close: Callable[[], None]
    ) -> None:
        self._table, self._close = table, close
        self.address = address
        """The address that it counts for; None for a trusted proxy."""
        self.is_for_health_only = False
        self.phase, self.since = Phase.UNUSED, time.monotonic()

    def enter(self, phase: Phase) -> None:
        """Begin a phase, unless the connection is gone."""
        if self.phase not in (phase, Phase.GONE):
            self._table.move(self, phase)

    def shed(self) -> None:
        """Close it, so that another one can be accepted."""
        self._table.move(self, Phase.GONE)
        self._close()


class ClientConnections:
    """All connections of one server, at most `limit` and a reserve for health checks."""

    def __init__(
        self,
        limit: int = MAX_CLIENT_CONNECTIONS,
        trusted_proxies: Iterable[str] = LOOPBACK_NETWORKS,
        *,
        report_proxy: Callable[[str], None] | None = None,
    ) -> None:
        self._limit = limit
        self._limit_per_address = max(1, min(MAX_CONNECTIONS_PER_ADDRESS, limit // 2))
        self.trusted_proxies = TrustedNetworks(trusted_proxies)
        self.proxy_detector = ProxyDetector(self.trusted_proxies, report_proxy)
        self._by_phase: dict[Phase, dict[ClientConnection, None]] = {
            phase: {} for phase in Phase if phase is not Phase.GONE
        }
        self._by_address: dict[str, dict[ClientConnection, None]] = {}
        self._for_health: dict[ClientConnection, None] = {}

    @property
    def is_crowded(self) -> bool:
        """Whether connections are scarce, so that keep-alive is short."""
        return self._count() >= CROWDED * self._limit

    def open(self, host: str, close: Callable[[], None]) -> ClientConnection | None:
        """Count a new connection; None if its address has too many.

        Above the limit it is for health checks only, and the oldest of those is shed if necessary.
        """
        is_limited = host != "" and host not in self.trusted_proxies
        address = client_address({"client": (host, 0)}) if is_limited else None
        connection = ClientConnection(self, address, close)
        if address is not None and not self._has_capacity_for(address):
            return None
        if self._count() >= NEARLY_FULL * self._limit:
            self._shed(is_urgent=self._count() >= self._limit)
        if self._count() < self._limit:
            self._add(connection, Phase.UNUSED)
            return connection
        if len(self._for_health) >= HEALTH_CONNECTIONS:
            next(iter(self._for_health)).shed()
        connection.is_for_health_only = True
        self._for_health[connection] = None
        return connection

    def move(self, connection: ClientConnection, phase: Phase) -> None:
        """Record that a connection begins a phase."""
        if connection.is_for_health_only:
            if phase is Phase.GONE:
                self._for_health.pop(connection, None)
            connection.phase = phase
            return
        self._remove(connection)
        connection.since = time.monotonic()
        if phase is Phase.GONE:
            connection.phase = phase
        else:
            self._add(connection, phase)

    def _count(self) -> int:
        return sum(map(len, self._by_phase.values()))

    def _add(self, connection: ClientConnection, phase: Phase) -> None:
        connection.phase = phase
        self._by_phase[phase][connection] = None
        if connection.address is not None and phase is not Phase.MEMBER:
            self._by_address.setdefault(connection.address, {})[connection] = None

    def _remove(self, connection: ClientConnection) -> None:
        if connection.phase is Phase.GONE:
            return
        self._by_phase[connection.phase].pop(connection, None)
        if connection.address in self._by_address:
            neighbours = self._by_address[connection.address]
            neighbours.pop(connection, None)
            if not neighbours:
                del self._by_address[connection.address]

    def _has_capacity_for(self, address: str) -> bool:
        """Whether an address may have one more connection; the one that waits longest is shed."""
        neighbours = self._by_address.get(address, {})
        if len(neighbours) < self._limit_per_address:
            return True
        for phase in PHASES_TO_SHED:
            candidates = [each for each in neighbours if each.phase is phase]
            if candidates:
                min(candidates, key=lambda each: each.since).shed()
                return True
        return False

    def _shed(self, *, is_urgent: bool) -> None:
        """Shed the connection that waits longest in the first phase that has one.

        If it is urgent and all have just begun to wait, the first of them, whatever its phase.
        """
        oldest = [next(iter(self._by_phase[phase]), None) for phase in PHASES_TO_SHED]
        candidates = [each for each in oldest if each]
        now = time.monotonic()
        for each in candidates:
            if now - each.since >= PHASES_TO_SHED[each.phase]:
                each.shed()
                return
        if is_urgent and candidates:
            min(candidates, key=lambda each: each.since).shed()


def mark_authenticated(scope: MutableMapping[str, Any]) -> None:
    """Record that the connection of a WebSocket or an event stream belongs to a person."""
    connection: ClientConnection | None = scope.get(CLIENT_CONNECTION_KEY)
    if connection is not None:
        connection.enter(Phase.MEMBER)
