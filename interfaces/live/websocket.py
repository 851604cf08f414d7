"""Syncs as they go, over a WebSocket."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from infrastructure.observability.instruments import LIVE_CLIENTS
from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
    Principal,
)
from interfaces.http.errors.error_table import ERROR_TABLE
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.rate_limiting import RateBudget, client_address
from interfaces.http.middleware.rate_limits import ANONYMOUS, LIVE
from interfaces.live.connection_limits import ConnectionLimits
from interfaces.live.stream import Message, stream_messages

AUTH_TIMEOUT_SECONDS = 5.0
WEBSOCKET_SEND_TIMEOUT_SECONDS = 5.0
"""Seconds one message may wait for a client that does not read."""
CLOSE_TIMEOUT_SECONDS = 30.0
"""Seconds we wait for a client to take in that it is let go, and why."""
MAX_MESSAGE_BYTES = 64 * 1024

CLOSE_UNAUTHORIZED, CLOSE_TOO_MANY_CONNECTIONS, CLOSE_MESSAGE_TOO_BIG, CLOSE_TRY_AGAIN_LATER = (
    4401,
    4429,
    1009,
    1013,
)

router = APIRouter()


class ClosedByServer(Exception):
    """The conversation ends here, with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.websocket("/ws/sync-status")
async def sync_status(websocket: WebSocket) -> None:
    """Ask who is there, send a snapshot, then a message at each change until the token expires.

    Pings every 20 s and the limit of 64 KiB are the server's: see `serving.py`.
    """
    if not _is_origin_allowed(websocket):
        await websocket.close()
        return
    connection_limits: ConnectionLimits = websocket.app.state.connection_limits
    try:
        with connection_limits.unauthenticated():
            principal = await _authenticate(
                websocket, RateBudget(websocket.app.state.request_counters)
            )
        with (
            connection_limits.authenticated(principal.id),
            LIVE_CLIENTS.labels("websocket").track_inprogress(),
        ):
            await _serve_messages(websocket, principal)
    except ClosedByServer as closed:
        await _close(websocket, closed)
    except Problem as problem:
        await _reject(websocket, problem)
    except tuple(ERROR_TABLE):
        await _close(websocket, ClosedByServer(CLOSE_TRY_AGAIN_LATER, "not just now"))
    except WebSocketDisconnect:
        return


async def _authenticate(websocket: WebSocket, budget: RateBudget) -> Principal:
    """Accept, and learn who it is; raises the problem `rate-limited`."""
    address = client_address(websocket.scope)
    budget.require_remaining(ANONYMOUS, address)
    subprotocol, _, offered_token = ",".join(websocket.scope["subprotocols"]).partition(",")
    by_subprotocol = subprotocol == "bearer" and offered_token
    await websocket.accept(subprotocol="bearer" if by_subprotocol else None)
    try:
        token = offered_token if by_subprotocol else await _receive_token(websocket)
        principal = await _verify_token(websocket, token)
    except ClosedByServer:
        await budget.spend(ANONYMOUS, address)
        raise
    await budget.spend(LIVE, str(principal.id))
    return principal


async def _reject(websocket: WebSocket, problem: Problem) -> None:
    """Say no in the answer to the handshake, or with a code when that is over."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.send_denial_response(problem_response(problem, websocket.scope))
    else:
        await _close(websocket, ClosedByServer(CLOSE_TOO_MANY_CONNECTIONS, problem.detail))


def _is_origin_allowed(websocket: WebSocket) -> bool:
    """Whether the page that connects may: a browser names it, other clients need not."""
    origin, allowed_origins = websocket.headers.get("origin"), websocket.app.state.allowed_origins
    if origin is None or not allowed_origins or {origin, "*"} & allowed_origins:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


async def _receive_token(websocket: WebSocket) -> str:
    try:
        async with asyncio.timeout(AUTH_TIMEOUT_SECONDS):
            message = orjson.loads(await _receive(websocket))
    except TimeoutError:
        raise ClosedByServer(CLOSE_UNAUTHORIZED, "no token in time") from None
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or message.get("type") != "auth":
        raise ClosedByServer(CLOSE_UNAUTHORIZED, "the first message must be auth")
    return str(message.get("token"))


async def _receive(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    data: str | bytes = message.get("text") or message.get("bytes") or b""
    if len(data) > MAX_MESSAGE_BYTES:
        raise ClosedByServer(CLOSE_MESSAGE_TOO_BIG, "at most 64 KiB")
    return data


async def _verify_token(websocket: WebSocket, token: str) -> Principal:
    authenticate: Authenticator = websocket.app.state.authenticator
    try:
        return await authenticate(token)
    except InvalidToken as error:
        raise ClosedByServer(CLOSE_UNAUTHORIZED, str(error)) from None
    except IdentityProviderUnavailable:
        raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, "tokens cannot be checked just now") from None


async def _serve_messages(websocket: WebSocket, principal: Principal) -> None:
    state = websocket.app.state
    messages = stream_messages(principal.id, state.service, state.live_updates)
    sender = asyncio.ensure_future(_send_messages(websocket, messages))
    receiver = asyncio.ensure_future(_receive_until_closed(websocket))
    tasks = {sender, receiver}
    try:
        ended, _ = await asyncio.wait(
            tasks,
            timeout=max(0.0, principal.expires_at - time.time()),
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if not ended:
        raise ClosedByServer(CLOSE_UNAUTHORIZED, "the token has expired")
    for task in ended:
        task.result()
    raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, "no more to tell just now")


async def _send_messages(websocket: WebSocket, messages: AsyncGenerator[Message, None]) -> None:
    async with aclosing(messages):
        async for message in messages:
            try:
                async with asyncio.timeout(WEBSOCKET_SEND_TIMEOUT_SECONDS):
                    await websocket.send_text(message.text)
            except TimeoutError:
                raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, "you do not read") from None


async def _receive_until_closed(websocket: WebSocket) -> None:
    while True:
        await _receive(websocket)


async def _close(websocket: WebSocket, closed: ClosedByServer) -> None:
    if websocket.client_state is WebSocketState.CONNECTED:
        # The client may be gone meanwhile, or never read again.
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await websocket.close(closed.code, closed.reason)
