"""The TCP port of the sandbox, which can be closed and opened again while it runs."""

import asyncio
import socket

from aiohttp import web

BACKLOG = 1_024


class SandboxListener:
    """Listens on one port; the first port that it gets is kept."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self._address = ("127.0.0.1", 0)
        self._server: asyncio.Server | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port, which is 0 before the sandbox is served."""
        return self._address[1]

    async def serve(self, runner: web.AppRunner, host: str, port: int) -> None:
        """Listen with the application of a runner; port 0 chooses a free port.

        Raises: OSError if the port cannot be opened.
        """
        self._runner, self._address = runner, (host, port)
        await self._accept(self._open_socket())

    def start(self) -> None:
        """Listen again; clients can connect as soon as this returns."""
        opened = self._open_socket()
        self._starting = asyncio.get_running_loop().create_task(self._accept(opened))

    def stop(self) -> None:
        """Close the port: new connections are refused, open ones stay open."""
        if self._starting is not None:
            self._starting.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None

    def _open_socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        opened = socket.create_server(self._address, family=family, backlog=BACKLOG)
        opened.setblocking(False)
        self._address = (self._address[0], opened.getsockname()[1])
        return opened

    async def _accept(self, opened: socket.socket) -> None:
        server = self._runner.server if self._runner else None
        if server is None:
            raise RuntimeError("the sandbox is not served")
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(server, sock=opened, backlog=BACKLOG)
