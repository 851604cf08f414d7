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
from interfaces.http.auth.principal import Identify, IdentityUnavailable, NotIdentified, Person
from interfaces.http.errors.error_table import TABLE
from interfaces.http.errors.problem import Problem, answer
from interfaces.http.middleware.rate_limiting import Spending, address_of
from interfaces.http.middleware.rate_limits import LIVE, STRANGERS
from interfaces.live.connection_limits import Crowd
from interfaces.live.stream import Message, messages

AUTH_WITHIN = 5.0
PATIENCE = 5.0
"""Seconds one message may wait for a client that does not read."""
FAREWELL = 30.0
"""Seconds we wait for a client to take in that it is let go, and why."""
LARGEST = 64 * 1024

UNAUTHORIZED, TOO_MANY, TOO_LARGE, TRY_AGAIN = 4401, 4429, 1009, 1013

router = APIRouter()


class Closed(Exception):
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
    if not _is_welcome(websocket):
        await websocket.close()
        return
    crowd: Crowd = websocket.app.state.crowd
    try:
        with crowd.unknown():
            person = await _enter(websocket, Spending(websocket.app.state.counts))
        with crowd.line(person.id), LIVE_CLIENTS.labels("websocket").track_inprogress():
            await _converse(websocket, person)
    except Closed as closed:
        await _close(websocket, closed)
    except Problem as problem:
        await _refuse(websocket, problem)
    except tuple(TABLE):
        await _close(websocket, Closed(TRY_AGAIN, "not just now"))
    except WebSocketDisconnect:
        return


async def _enter(websocket: WebSocket, spending: Spending) -> Person:
    """Accept, and learn who it is; raises the problem `rate-limited`."""
    address = address_of(websocket.scope)
    spending.must_be_left(STRANGERS, address)
    protocol, _, offered = ",".join(websocket.scope["subprotocols"]).partition(",")
    by_protocol = protocol == "bearer" and offered
    await websocket.accept(subprotocol="bearer" if by_protocol else None)
    try:
        token = offered if by_protocol else await _first_message(websocket)
        person = await _identify(websocket, token)
    except Closed:
        await spending.spend(STRANGERS, address)
        raise
    await spending.spend(LIVE, str(person.id))
    return person


async def _refuse(websocket: WebSocket, problem: Problem) -> None:
    """Say no in the answer to the handshake, or with a code when that is over."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.send_denial_response(answer(problem, websocket.scope))
    else:
        await _close(websocket, Closed(TOO_MANY, problem.detail))


def _is_welcome(websocket: WebSocket) -> bool:
    """Whether the page that connects may: a browser names it, other clients need not."""
    origin, allowed = websocket.headers.get("origin"), websocket.app.state.origins
    if origin is None or not allowed or {origin, "*"} & allowed:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


async def _first_message(websocket: WebSocket) -> str:
    try:
        async with asyncio.timeout(AUTH_WITHIN):
            message = orjson.loads(await _receive(websocket))
    except TimeoutError:
        raise Closed(UNAUTHORIZED, "no token in time") from None
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or message.get("type") != "auth":
        raise Closed(UNAUTHORIZED, "the first message must be auth")
    return str(message.get("token"))


async def _receive(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    said: str | bytes = message.get("text") or message.get("bytes") or b""
    if len(said) > LARGEST:
        raise Closed(TOO_LARGE, "at most 64 KiB")
    return said


async def _identify(websocket: WebSocket, token: str) -> Person:
    identify: Identify = websocket.app.state.identity
    try:
        return await identify(token)
    except NotIdentified as stranger:
        raise Closed(UNAUTHORIZED, str(stranger)) from None
    except IdentityUnavailable:
        raise Closed(TRY_AGAIN, "tokens cannot be checked just now") from None


async def _converse(websocket: WebSocket, person: Person) -> None:
    state = websocket.app.state
    told = messages(person.id, state.service, state.live)
    telling = asyncio.ensure_future(_tell(websocket, told))
    listening = asyncio.ensure_future(_listen(websocket))
    both = {telling, listening}
    try:
        ended, _ = await asyncio.wait(
            both,
            timeout=max(0.0, person.expires_at - time.time()),
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for task in both:
            task.cancel()
        await asyncio.wait(both)
    if not ended:
        raise Closed(UNAUTHORIZED, "the token has expired")
    for task in ended:
        task.result()
    raise Closed(TRY_AGAIN, "no more to tell just now")


async def _tell(websocket: WebSocket, told: AsyncGenerator[Message, None]) -> None:
    async with aclosing(told):
        async for message in told:
            try:
                async with asyncio.timeout(PATIENCE):
                    await websocket.send_text(message.text)
            except TimeoutError:
                raise Closed(TRY_AGAIN, "you do not read") from None


async def _listen(websocket: WebSocket) -> None:
    while True:
        await _receive(websocket)


async def _close(websocket: WebSocket, closed: Closed) -> None:
    if websocket.client_state is WebSocketState.CONNECTED:
        # The client may be gone meanwhile, or never read again.
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await websocket.close(closed.code, closed.reason)
