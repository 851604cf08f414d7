"""A bad line to PostgreSQL: it counts what goes over it, and breaks on demand."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

READY = b"Z\x00\x00\x00\x05I"
"""ReadyForQuery, idle: whatever was asked for is over, committed or not."""

SYNC = b"S\x00\x00\x00\x04"
"""What ends each request of the extended protocol: one per round trip."""


class Proxy:
    """Relays connections from a loopback port to the server."""

    def __init__(self, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo(url, host="127.0.0.1", port=self._door.getsockname()[1])
        self._open: list[socket.socket] = []
        self.round_trips = 0
        self.eaten = 0
        self._to_eat = 0
        self._then_shut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._let_in, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def eat_answers(self, count: int, *, then_shut: bool = False) -> None:
        """Swallow the next answers, each with its connection, and perhaps go for good."""
        self._to_eat = count
        self._then_shut = then_shut

    def shut(self) -> None:
        """Break every connection and take no more."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for each in self._open:
            _break(each)

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = self._connect()
                self._open += [client, server]
                ends = (client, server, threading.Event())
                for pump in (self._ask, self._answer):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _ask(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        with _both_break(client, server):
            while data := client.recv(65_536):
                if SYNC in data:
                    asked.set()
                self.round_trips += data.count(SYNC)
                server.sendall(data)

    def _answer(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        with _both_break(client, server):
            while data := server.recv(65_536):
                # A pool that grows just now is greeted, and that is no answer.
                if self._to_eat and asked.is_set() and data.endswith(READY):
                    self._to_eat -= 1
                    self.eaten += 1
                    if self._then_shut:
                        self.shut()
                    return
                client.sendall(data)


@contextmanager
def _both_break(client: socket.socket, server: socket.socket) -> Iterator[None]:
    try:
        with suppress(OSError):
            yield
    finally:
        _break(client)
        _break(server)


def _break(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
