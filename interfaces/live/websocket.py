"""Live updates over the WebSocket `/ws/sync-status`."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from domain.errors import PersonIsErased
from infrastructure.observability.instruments import LIVE_CLIENTS
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken, Principal
from interfaces.http.context import AuthResult, app_state_of, request_context_of
from interfaces.http.errors.error_table import ERROR_TABLE
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.authentication import authenticate_token
from interfaces.http.middleware.rate_budget import RateLimitExceeded, client_address
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, LIVE
from interfaces.live.connection_limits import SHORT_AUTH_TIMEOUT_SECONDS, UnauthenticatedSocket
from interfaces.live.stream import Message, stream_messages

WEBSOCKET_SEND_TIMEOUT_SECONDS = 5.0
"""How long the sending of one message may take before the connection is closed."""
CLOSE_TIMEOUT_SECONDS = 30.0
"""How long the close frame may take; a client that does not read may never receive it."""
MAX_MESSAGE_BYTES = 64 * 1024
MAX_REASON_BYTES = 123
"""The limit of RFC 6455, section 5.5, for a close frame, less the 2 bytes of the code."""

CLOSE_UNAUTHORIZED, CLOSE_TOO_MANY_CONNECTIONS, CLOSE_MESSAGE_TOO_BIG, CLOSE_TRY_AGAIN_LATER = (
    4401,
    4429,
    1009,
    1013,
)
CLOSE_ERASED = 4410
"""The data of the user was erased: to connect again is of no use."""
ERASED_REASON = "your data was erased; do not connect again"

OTHER_ORIGIN_DETAIL = (
    "Pages of this origin may not connect. An operator can allow an origin with CORS_ORIGINS."
)
SLOW_CLIENT_REASON = "messages are not read fast enough; connect again for a new snapshot"

router = APIRouter()


class ClosedByServer(Exception):
    """The server closes the WebSocket with this close code and reason.

    A reason that is longer than MAX_REASON_BYTES is cut off.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


@router.websocket("/ws/sync-status")
async def sync_status(websocket: WebSocket) -> None:
    """Authenticate, send a snapshot, then a message for each change until the token expires.

    uvicorn sends a ping every 20 s and refuses messages above 64 KiB: see `uvicorn_server.py`.
    More than a few messages of the client close it: see `websocket_protocol.py`.
    """
    if not _is_origin_allowed(websocket):
        await _reject(websocket, Problem("forbidden", OTHER_ORIGIN_DETAIL))
        return
    connection_limits = app_state_of(websocket).connection_limits
    try:
        principal = await _authenticate(websocket)
        with (
            connection_limits.authenticated(principal.id, websocket.scope),
            LIVE_CLIENTS.labels("websocket").track_inprogress(),
        ):
            await _serve_messages(websocket, principal)
    except ClosedByServer as closed:
        await _close(websocket, closed)
    except Problem as problem:
        await _reject(websocket, problem)
    except PersonIsErased:
        await _close(websocket, ClosedByServer(CLOSE_ERASED, ERASED_REASON))
    except tuple(ERROR_TABLE):
        reason = "the service is not available now; connect again in a few seconds"
        await _close(websocket, ClosedByServer(CLOSE_TRY_AGAIN_LATER, reason))
    except WebSocketDisconnect:
        return


async def _authenticate(websocket: WebSocket) -> Principal:
    """Accept the WebSocket and return the user of its token.

    A token of a subprotocol is verified before the WebSocket is accepted. One that sends its token
    as a message counts as unauthenticated from its arrival on.

    Raises:
        ClosedByServer: If there is no token in time, or it is not valid.
        RateLimitExceeded: If the address or the user has used up its quota.
    """
    subprotocol, _, offered_token = ",".join(websocket.scope["subprotocols"]).partition(",")
    if subprotocol == "bearer" and offered_token:
        result = await _verify(websocket, offered_token)
        if isinstance(result, RateLimitExceeded):
            raise result  # before the WebSocket is accepted, which costs less
        await websocket.accept(subprotocol="bearer")
    else:
        address = client_address(websocket.scope)
        with app_state_of(websocket).connection_limits.unauthenticated(address) as socket:
            await _count_attempt(websocket, socket)
            await websocket.accept()
            result = await _verify(websocket, await _receive_token(websocket, socket))
    match result:
        case Principal() as principal:
            budget = request_context_of(websocket).rate_budget
            await budget.spend(LIVE, str(principal.id))
            return principal
        case InvalidToken() as error:
            raise ClosedByServer(CLOSE_UNAUTHORIZED, str(error))
        case IdentityProviderUnavailable():
            reason = "tokens cannot be verified now; connect again in a few seconds"
            raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, reason)
        case RateLimitExceeded() as refusal:
            raise refusal


async def _verify(websocket: WebSocket, token: str) -> AuthResult:
    return await authenticate_token(token, websocket.scope, app_state_of(websocket).authenticator)


async def _count_attempt(websocket: WebSocket, socket: UnauthenticatedSocket) -> None:
    """Count a WebSocket without a token; above the limit of its address it has little time.

    It is not refused: another person may have the same address.
    """
    budget = request_context_of(websocket).rate_budget
    try:
        await budget.spend(ANONYMOUS, socket.address)
    except RateLimitExceeded:
        socket.shorten(SHORT_AUTH_TIMEOUT_SECONDS)


async def _reject(websocket: WebSocket, problem: Problem) -> None:
    """Refuse with the response to the handshake, or with a close code after the handshake."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.send_denial_response(problem_response(problem, websocket.scope))
    else:
        await _close(websocket, ClosedByServer(CLOSE_TOO_MANY_CONNECTIONS, problem.detail))


def _is_origin_allowed(websocket: WebSocket) -> bool:
    """Return whether a web page may connect; only browsers send an origin, other clients may."""
    origin = websocket.headers.get("origin")
    allowed_origins = app_state_of(websocket).allowed_origins
    if origin is None or not allowed_origins or {origin, "*"} & allowed_origins:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


async def _receive_token(websocket: WebSocket, socket: UnauthenticatedSocket) -> str:
    try:
        async with socket.time_limit():
            message = orjson.loads(await _receive(websocket))
    except TimeoutError:
        if socket.is_shortened:
            reason = "too many connections of your address sent no token; connect again"
            raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, reason) from None
        raise ClosedByServer(CLOSE_UNAUTHORIZED, "no token was received in time") from None
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or message.get("type") != "auth":
        reason = 'the first message must be {"type": "auth", "token": "<JWT>"}'
        raise ClosedByServer(CLOSE_UNAUTHORIZED, reason)
    return str(message.get("token"))


async def _receive(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    data: str | bytes = message.get("text") or message.get("bytes") or b""
    if len(data) > MAX_MESSAGE_BYTES:
        raise ClosedByServer(CLOSE_MESSAGE_TOO_BIG, "a message may have at most 64 KiB")
    return data


async def _serve_messages(websocket: WebSocket, principal: Principal) -> None:
    state = app_state_of(websocket)
    if await state.service.is_erased(principal.id):
        raise PersonIsErased(principal.id)
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
        reason = "the token has expired; connect again with a new one"
        raise ClosedByServer(CLOSE_UNAUTHORIZED, reason)
    for task in ended:
        task.result()
    raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, SLOW_CLIENT_REASON)


async def _send_messages(websocket: WebSocket, messages: AsyncGenerator[Message, None]) -> None:
    async with aclosing(messages):
        async for message in messages:
            try:
                async with asyncio.timeout(WEBSOCKET_SEND_TIMEOUT_SECONDS):
                    await websocket.send_text(message.text)
            except TimeoutError:
                raise ClosedByServer(CLOSE_TRY_AGAIN_LATER, SLOW_CLIENT_REASON) from None


async def _receive_until_closed(websocket: WebSocket) -> None:
    while True:
        await _receive(websocket)


async def _close(websocket: WebSocket, closed: ClosedByServer) -> None:
    if websocket.client_state is WebSocketState.CONNECTED:
        # The client may have disconnected, or may never read again.
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await websocket.close(closed.code, closed.reason)
