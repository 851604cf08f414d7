"""Sends large bodies in pieces, each when the client has read the one before."""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.auth.principal import Principal
from interfaces.http.context import REQUEST_CONTEXT_KEY, RequestContext
from interfaces.http.middleware.rate_budget import client_address
from interfaces.http.server.unsent_bytes import UnsentBytes

PIECE_BYTES = 64 * 1024
ABORT_KEY = "easeboard.abort_connection"
"""The key of the function in an ASGI scope that closes the connection at once."""


class PacedResponses:
    """ASGI application around another one: no body waits in the buffer of its connection.

    uvicorn waits for a client before it takes the next message, so a body of one message would be
    copied as a whole. What has not been sent counts as waiting bytes of its owner.
    """

    def __init__(self, app: ASGIApp, unsent_bytes: UnsentBytes) -> None:
        self._app = app
        self._unsent_bytes = unsent_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        abort = scope.get(ABORT_KEY)
        if scope["type"] != "http" or scope["method"] == "HEAD" or abort is None:
            await self._app(scope, receive, send)
            return

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= PIECE_BYTES:
                await send(message)
                return
            with self._unsent_bytes.hold(owner_of(scope), len(body), abort) as waiting:
                pieces = memoryview(body)
                for start in range(0, len(body), PIECE_BYTES):
                    piece = pieces[start : start + PIECE_BYTES]
                    is_last = start + PIECE_BYTES >= len(body)
                    more_body = message.get("more_body", False) or not is_last
                    await send({**message, "body": piece, "more_body": more_body})
                    self._unsent_bytes.sent(waiting, len(piece))

        await self._app(scope, receive, send_in_pieces)


def owner_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id of the person who sent a request; without a token, the address."""
    context: RequestContext | None = scope.get(REQUEST_CONTEXT_KEY)
    if context and isinstance(context.auth_result, Principal):
        return str(context.auth_result.id)
    return client_address(scope)
