"""A proxy in front of PostgreSQL that can cut or stall connections and lose responses."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self

from psycopg.conninfo import conninfo_to_dict

from infrastructure.queue.fair_fetch import START_JOBS
from tests.deadlines import scaled

APPEND_STATEMENT = b"\x00easeboard_append\x00"
"""The bytes by which the Bind message of an append names its prepared statement."""
FETCH_JOB_STATEMENT = START_JOBS.partition("%(")[0].encode()
"""Part of the statement that fetches jobs, until the database connection has prepared it."""
COMMIT_STATEMENT = b"COMMIT\x00"
LOOP_TIMEOUT_SECONDS = scaled(10.0)
"""How long a call waits for the event loop of the proxy."""


class _RelayEnd(asyncio.Protocol):
    """One end of a relayed connection; data that arrives here is sent at the other end."""

    other: "_RelayEnd"

    def __init__(self, proxy: "FlakyProxy") -> None:
        self._proxy = proxy
        self.is_stalled = False
        self.drops_response = False
        self.has_fetched_job = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._proxy.ends.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._proxy.ends.discard(self)
        self.other.abort()

    def data_received(self, data: bytes) -> None:
        if self.is_stalled or self.other.transport is None:
            return
        if self.drops_response:
            self._proxy.lost_responses += 1
            self.abort()
            return
        self.has_fetched_job |= FETCH_JOB_STATEMENT in data
        is_lost = self._proxy.lost_request in data and (
            self.has_fetched_job or not self._proxy.only_fetches
        )
        if self._proxy.responses_to_lose and is_lost:
            self._proxy.responses_to_lose -= 1
            self.other.drops_response = True
        self.other.transport.write(data)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _ClientEnd(_RelayEnd):
    """The end to which the service connects."""

    _unsent: bytes = b""
    _connecting: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = _RelayEnd(self._proxy)
        self.other.other = self
        if self._proxy.is_cut:
            self.abort()
        elif self._proxy.is_stalled:
            self.is_stalled = True
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.is_stalled or self.other.transport is not None:
            super().data_received(data)
        else:
            self._unsent += data

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(
                lambda: self.other, self._proxy.socket
            )
        except OSError:
            self.abort()
            return
        if self._unsent:
            super().data_received(self._unsent)


class FlakyProxy:
    """Relays connections from a loopback port to the Unix socket of a server, in its own thread."""

    def __init__(self, url: str) -> None:
        conninfo = conninfo_to_dict(url)
        self.socket = f"{conninfo['host']}/.s.PGSQL.{conninfo.get('port') or 5432}"
        self.ends: set[_RelayEnd] = set()
        self.is_cut = self.is_stalled = False
        self.responses_to_lose = self.lost_responses = 0
        self.lost_request, self.only_fetches = APPEND_STATEMENT, False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start_server(), self._loop).result(
            LOOP_TIMEOUT_SECONDS
        )
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{conninfo['user']}@127.0.0.1:{port}/{conninfo['dbname']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run_in_loop(self._abort_all)
        self._run_in_loop(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones until `restore`."""
        self.is_cut = True
        self._run_in_loop(self._abort_all)

    def stall(self) -> None:
        """Stop delivering data on open and new connections, without closing them."""
        self.is_stalled = True
        self._run_in_loop(self._stall_all)

    def restore(self) -> None:
        """Relay new connections again; connections that were stalled stay stalled."""
        self.is_cut = self.is_stalled = False
        self.responses_to_lose = 0

    def lose_responses(
        self, count: int, request: bytes = APPEND_STATEMENT, *, only_fetches: bool = False
    ) -> None:
        """Break the next `count` connections on which `request` is sent, before the response.

        PostgreSQL has executed the request by then. With `only_fetches`, only connections count
        that have fetched jobs.
        """
        self.lost_request, self.only_fetches = request, only_fetches
        self.responses_to_lose = count

    def break_connections(self) -> None:
        """Break every connection; clients can connect again at once."""
        self._run_in_loop(self._abort_all)

    def _abort_all(self) -> None:
        for end in list(self.ends):
            end.abort()

    def _stall_all(self) -> None:
        for end in self.ends:
            end.is_stalled = True

    async def _start_server(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: _ClientEnd(self), "127.0.0.1", 0)

    def _run_in_loop(self, action: Callable[[], object]) -> None:
        done = Future[None]()

        def call() -> None:
            action()
            done.set_result(None)

        self._loop.call_soon_threadsafe(call)
        done.result(LOOP_TIMEOUT_SECONDS)
