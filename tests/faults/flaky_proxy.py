"""The line to PostgreSQL: it may be cut, fall silent, and lose the answer to a commit."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self

from psycopg.conninfo import conninfo_to_dict

APPEND = b"\x00easeboard_append\x00"
"""How the Bind message that appends to the log names its prepared statement."""
FETCH = b"procrastinate_fetch_job"
"""What a worker's question for a job says, until its connection has prepared it."""


class _End(asyncio.Protocol):
    """One end of a relayed connection; what it hears goes out at the other."""

    other: "_End"

    def __init__(self, line: "Line") -> None:
        self._line = line
        self.is_mute = False
        self.loses_the_answer = False
        self.out: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.out = transport
        self._line.ends.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._line.ends.discard(self)
        self.other.abort()

    def data_received(self, data: bytes) -> None:
        if self.is_mute or self.other.out is None:
            return
        if self.loses_the_answer:
            self._line.answers_lost += 1
            self.abort()
            return
        if self._line.answers_to_lose and self._line.answers_to in data:
            self._line.answers_to_lose -= 1
            self.other.loses_the_answer = True
        self.other.out.write(data)

    def abort(self) -> None:
        if self.out is not None:
            self.out.abort()


class _Door(_End):
    """The end the service connects to."""

    _waiting: bytes = b""
    _connecting: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = _End(self._line)
        self.other.other = self
        if self._line.is_cut:
            self.abort()
        elif self._line.is_silent:
            self.is_mute = True
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.is_mute or self.other.out is not None:
            super().data_received(data)
        else:
            self._waiting += data

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(
                lambda: self.other, self._line.socket
            )
        except OSError:
            self.abort()
            return
        if self._waiting:
            super().data_received(self._waiting)


class Line:
    """Relays connections from a loopback port to a server's Unix socket, in a thread of its own."""

    def __init__(self, url: str) -> None:
        said = conninfo_to_dict(url)
        self.socket = f"{said['host']}/.s.PGSQL.{said.get('port') or 5432}"
        self.ends: set[_End] = set()
        self.is_cut = self.is_silent = False
        self.answers_to_lose = self.answers_lost = 0
        self.answers_to = APPEND
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{said['user']}@127.0.0.1:{port}/{said['dbname']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._break)
        self._call(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self.is_cut = True
        self._call(self._break)

    def silence(self) -> None:
        """Neither answer nor close, on old connections and on new ones."""
        self.is_silent = True
        self._call(self._mute)

    def mend(self) -> None:
        """Relay new connections again; those that fell silent stay so."""
        self.is_cut = self.is_silent = False
        self.answers_to_lose = 0

    def lose_answers(self, count: int, to: bytes = APPEND) -> None:
        """Break the next connections that ask this, after the commit and before the answer."""
        self.answers_to = to
        self.answers_to_lose = count

    def hang_up(self) -> None:
        """Break every connection; new ones are made at once."""
        self._call(self._break)

    def _break(self) -> None:
        for end in list(self.ends):
            end.abort()

    def _mute(self) -> None:
        for end in self.ends:
            end.is_mute = True

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: _Door(self), "127.0.0.1", 0)

    def _call(self, work: Callable[[], object]) -> None:
        done = Future[None]()

        def call() -> None:
            work()
            done.set_result(None)

        self._loop.call_soon_threadsafe(call)
        done.result(10)
