"""Relays connections to a TCP port of this machine, and breaks them on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class CuttableRelay:
    """Relays connections from `url` to a port; while `is_cut`, new ones are broken too."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.is_cut = False
        self.url = ""

    def cut(self) -> None:
        """Break every connection without a word, and each new one until `restore`."""
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def restore(self) -> None:
        """Relay new connections again."""
        self.is_cut = False

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either end closes it."""
        if self.is_cut:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        writers = {writer, there_writer}
        self._writers |= writers
        try:
            await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
        finally:
            self._writers -= writers
            for each in writers:
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cuttable_relay(port: int) -> AsyncIterator[CuttableRelay]:
    """Serve a relay to a port until the block ends."""
    relay = CuttableRelay(port)
    server = await asyncio.start_server(relay.relay, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield relay
        relay.cut()
