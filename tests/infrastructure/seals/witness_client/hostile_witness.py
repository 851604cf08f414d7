"""A witness that a test makes answer anything: each request gets the bytes of a function."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from infrastructure.seals.add_checkpoint import AddCheckpoint

Answer = Callable[[AddCheckpoint | None, asyncio.StreamWriter], Awaitable[None]]


class HostileWitness(NamedTuple):
    url: str
    requests: list[AddCheckpoint | None]


def answer(status: int, body: bytes = b"", *headers: str) -> Answer:
    """Answer with a status and a body."""

    async def write(_request: AddCheckpoint | None, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
        writer.write("\r\n".join([*lines, *headers, "", ""]).encode() + body)
        await writer.drain()

    return write


def in_turn(*answers: Answer) -> Answer:
    """Answer each request with the next of these; the last one is repeated."""
    remaining = list(answers)

    async def write(request: AddCheckpoint | None, writer: asyncio.StreamWriter) -> None:
        following = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        await following(request, writer)

    return write


@asynccontextmanager
async def hostile_witness(respond: Answer) -> AsyncIterator[HostileWitness]:
    requests: list[AddCheckpoint | None] = []
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            body = await reader.readexactly(length[0]) if length else b""
            requests.append(AddCheckpoint.parse(body) if body else None)
            await respond(requests[-1], writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(handle(reader, writer))
        handlers.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield HostileWitness(f"http://127.0.0.1:{port}", requests)
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
