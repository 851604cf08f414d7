"""A proxy for PostgreSQL that counts round trips and breaks connections on request."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

READY_FOR_QUERY = b"Z\x00\x00\x00\x05I"
"""ReadyForQuery, idle: the request has ended, committed or not."""

SYNC_MESSAGE = b"S\x00\x00\x00\x04"
"""Ends each request of the extended protocol: one for each round trip."""


class PostgresProxy:
    """Relays connections from a loopback port to the server."""

    def __init__(self, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo(url, host="127.0.0.1", port=self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self.round_trips = 0
        self.dropped_responses = 0
        self._responses_to_drop = 0
        self._close_after_drop = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept_connections, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drop_responses(self, count: int, *, then_close: bool = False) -> None:
        """Drop the next responses with their connections; then close the proxy if required."""
        self._responses_to_drop = count
        self._close_after_drop = then_close

    def close(self) -> None:
        """Break every connection and refuse new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            _close_socket(connection)

    def _accept_connections(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                arguments = (client, server, threading.Event())
                for forward in (self._forward_requests, self._forward_responses):
                    threading.Thread(target=forward, args=arguments, daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _forward_requests(
        self, client: socket.socket, server: socket.socket, request_seen: threading.Event
    ) -> None:
        with _closing_both(client, server):
            while data := client.recv(65_536):
                if SYNC_MESSAGE in data:
                    request_seen.set()
                self.round_trips += data.count(SYNC_MESSAGE)
                server.sendall(data)

    def _forward_responses(
        self, client: socket.socket, server: socket.socket, request_seen: threading.Event
    ) -> None:
        with _closing_both(client, server):
            while data := server.recv(65_536):
                # A new connection of the pool receives data before its first request.
                if (
                    self._responses_to_drop
                    and request_seen.is_set()
                    and data.endswith(READY_FOR_QUERY)
                ):
                    self._responses_to_drop -= 1
                    self.dropped_responses += 1
                    if self._close_after_drop:
                        self.close()
                    return
                client.sendall(data)


@contextmanager
def _closing_both(client: socket.socket, server: socket.socket) -> Iterator[None]:
    try:
        with suppress(OSError):
            yield
    finally:
        _close_socket(client)
        _close_socket(server)


def _close_socket(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
