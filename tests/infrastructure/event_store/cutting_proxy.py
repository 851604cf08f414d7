"""A proxy for PostgreSQL that breaks a connection at a chosen request."""

import socket
import threading

from tests.infrastructure.event_store.postgres_proxy import PostgresProxy, _closing_both


class CuttingProxy(PostgresProxy):
    """Breaks the connection of the nth request from now: before it arrives, or its response."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._counter = threading.Lock()
        self._requests_left = 0
        self._loses_response = False
        self.cuts = 0

    def cut_at(self, request: int, *, loses_response: bool) -> None:
        """Break the connection of a later request; only its response is lost if required."""
        self._requests_left, self._loses_response = request, loses_response

    def _is_cut(self) -> bool:
        with self._counter:
            if not self._requests_left:
                return False
            self._requests_left -= 1
            if self._requests_left:
                return False
            self.cuts += 1
            return True

    def _forward_requests(
        self, client: socket.socket, server: socket.socket, request_seen: threading.Event
    ) -> None:
        with _closing_both(client, server):
            while data := client.recv(65_536):
                if self._is_cut():
                    if not self._loses_response:
                        return
                    request_seen.set()
                server.sendall(data)

    def _forward_responses(
        self, client: socket.socket, server: socket.socket, request_seen: threading.Event
    ) -> None:
        with _closing_both(client, server):
            while data := server.recv(65_536):
                if request_seen.is_set():
                    return
                client.sendall(data)
