"""Connections of clients as plain sockets, for tests of the limits of the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tests.deadlines import scaled

LIVE = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"
COURSES = b"GET /api/v1/canvas/courses HTTP/1.1\r\nHost: test\r\n\r\n"


class RawConnection:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self, request: bytes = LIVE) -> int:
        """Send a request, and return the status; 0 if the connection is closed without one."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.writer.write(request)
            return await self.read_status()
        return 0

    async def read_status(self) -> int:
        """Read one response, and return its status."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), scaled(5))
        lines = head.decode().lower().split("\r\n")
        length = next(line for line in lines if line.startswith("content-length:"))
        await self.reader.readexactly(int(length.partition(":")[2]))
        return int(lines[0].split()[1])

    async def is_closed(self) -> bool:
        """Whether the server has closed the connection, or does so soon."""
        try:
            return await asyncio.wait_for(self.reader.read(1), 0.3) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    async def is_at_end(self) -> bool:
        """Whether the server has closed the connection, after all that it has sent."""
        with suppress(ConnectionError, TimeoutError):
            while await asyncio.wait_for(self.reader.read(65536), 0.05):
                pass
        return self.reader.at_eof()


@asynccontextmanager
async def connect(base: str, source: str = "127.0.0.1") -> AsyncIterator[RawConnection]:
    """Open a connection from a loopback address."""
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def open_connections(
    base: str, count: int, sent: bytes = b"", source: str = "127.0.0.1"
) -> AsyncIterator[list[RawConnection]]:
    """Open connections one after the other, and send the same to each."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(await stack.enter_async_context(connect(base, source)))
            opened[-1].writer.write(sent)
            if sent == LIVE:
                await opened[-1].read_status()
        await asyncio.sleep(0.05)
        yield opened
