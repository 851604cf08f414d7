"""The keep-alive pools: one for the public internet, one for what CANVAS_ALLOW_PRIVATE opens up."""

from importlib.metadata import version
from ssl import SSLContext

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, SocketFactoryType, TCPConnector
from aiohttp.abc import AbstractResolver

from infrastructure.canvas.limits import Limits
from infrastructure.canvas.socket_guard import private_socket, public_socket

HEADERS = {
    "Accept": "application/json+canvas-string-ids",
    "Accept-Encoding": "gzip",
    "User-Agent": f"easeboard/{version('easeboard')}",
}


class Sessions:
    """Both pools, open between `open` and `close`."""

    def __init__(
        self, limits: Limits, resolver: AbstractResolver | None, tls: SSLContext | None
    ) -> None:
        self._limits = limits
        self._resolver = resolver
        self._tls = tls
        self._open: dict[bool, ClientSession] = {}

    def open(self) -> None:
        """Open both in the running event loop."""
        self._open = {False: self._session(public_socket), True: self._session(private_socket)}

    async def close(self) -> None:
        """Close every connection."""
        for session in self._open.values():
            await session.close()

    def of(self, *, private: bool) -> ClientSession:
        """The pool for a place."""
        return self._open[private]

    def _session(self, guard: SocketFactoryType) -> ClientSession:
        limits = self._limits
        connector = TCPConnector(
            socket_factory=guard,
            resolver=self._resolver,
            ssl=self._tls or True,
            limit=limits.connections,
            limit_per_host=limits.connections_per_host,
            keepalive_timeout=limits.keep_alive,
        )
        return ClientSession(
            connector=connector,
            headers=HEADERS,
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            timeout=ClientTimeout(
                total=limits.request,
                connect=limits.connect,
                sock_connect=limits.connect,
                sock_read=limits.read,
            ),
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
        )
