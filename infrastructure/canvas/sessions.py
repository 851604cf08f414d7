"""HTTP sessions with keep-alive: one for public hosts, one for hosts of CANVAS_ALLOW_PRIVATE."""

from importlib.metadata import version
from ssl import SSLContext

from aiohttp import (
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    SocketFactoryType,
    TCPConnector,
    set_zlib_backend,
)
from aiohttp.abc import AbstractResolver
from isal import isal_zlib

from infrastructure.canvas.limits import Limits
from infrastructure.canvas.socket_guard import open_private_socket, open_public_socket

REQUEST_HEADERS = {
    "Accept": "application/json+canvas-string-ids",
    "Accept-Encoding": "gzip",
    "User-Agent": f"easeboard/{version('easeboard')}",
}


class ClientSessions:
    """The two sessions and their connection pools, usable between `open` and `close`."""

    def __init__(
        self, limits: Limits, resolver: AbstractResolver | None, tls: SSLContext | None
    ) -> None:
        self._limits = limits
        self._resolver = resolver
        self._tls = tls
        self._sessions: dict[bool, ClientSession] = {}

    def open(self) -> None:
        """Open both sessions in the running event loop.

        In the whole process aiohttp decompresses with ISA-L then, in two thirds of the time.
        """
        set_zlib_backend(isal_zlib)
        self._sessions = {
            False: self._create_session(open_public_socket),
            True: self._create_session(open_private_socket),
        }

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    def get(self, *, private: bool) -> ClientSession:
        """Return the session for a private or a public host."""
        return self._sessions[private]

    def _create_session(self, socket_factory: SocketFactoryType) -> ClientSession:
        limits = self._limits
        connector = TCPConnector(
            socket_factory=socket_factory,
            resolver=self._resolver,
            ssl=self._tls or True,
            limit=limits.connections,
            limit_per_host=limits.connections_per_host,
            keepalive_timeout=limits.keep_alive_seconds,
        )
        return ClientSession(
            connector=connector,
            headers=REQUEST_HEADERS,
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            # CanvasApi limits the time of a request: a slow first byte is allowed, a body that
            # stops is not.
            timeout=ClientTimeout(
                total=None, connect=limits.pool_seconds, sock_connect=limits.connect_seconds
            ),
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
        )
