"""Syncs as they go, as server-sent events: the same messages as over the WebSocket."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message as Part
from starlette.types import Send

from infrastructure.observability.instruments import LIVE_CLIENTS
from interfaces.http.auth.principal import Person
from interfaces.http.auth.protected_route import BEARER, Caller, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.schemas.live import LiveMessage
from interfaces.http.schemas.page import documented
from interfaces.live.stream import Message, messages, paced

KEEP_ALIVE = 15.0
PATIENCE = 5.0
"""Seconds one message may wait for a client that does not read."""
LONGEST_ID = 18
"""Digits of a position."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(
    prefix="/api/v1/sync", tags=["syncs"], dependencies=[BEARER], route_class=guarded()
)


class EventStream(StreamingResponse):
    """Breaks off when a part of it is not read."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, headers=HEADERS)
        self._events = events

    async def stream_response(self, send: Send) -> None:
        """Send part by part, each within PATIENCE."""

        async def patiently(part: Part) -> None:
            async with asyncio.timeout(PATIENCE):
                await send(part)

        with suppress(TimeoutError), LIVE_CLIENTS.labels("sse").track_inprogress():
            async with aclosing(self._events):
                await super().stream_response(patiently)


@router.get(
    "/events",
    operation_id="followSyncs",
    summary="Your syncs as they go",
    dependencies=[reads("sync_log")],
    status_code=200,
    response_class=EventStream,
    responses=documented(200, LiveMessage, "Messages as events, each `data` as below"),
)
async def follow(
    request: Request,
    caller: Caller,
    service: Wired,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The id of the last event heard: go on after it"),
    ] = None,
) -> Response:
    """Send a snapshot, then a message at each change, until the token expires."""
    live, heard = request.app.state.live, _position(last_event_id or "")
    request.app.state.crowd.must_have_room(caller.id)
    told = messages(caller.id, service, live, heard=heard)
    return EventStream(_events(caller, told, request))


def _position(event_id: str) -> int | None:
    """The position an event was sent with; None for what is no id of ours."""
    ours = event_id.isdecimal() and len(event_id) <= LONGEST_ID
    return int(event_id) if ours else None


async def _events(
    person: Person, told: AsyncGenerator[Message, None], request: Request
) -> AsyncGenerator[bytes, None]:
    left = person.expires_at - time.time()
    state = request.app.state
    events = paced(told, every=KEEP_ALIVE, seconds=left, closing=state.closing)
    async with aclosing(told), aclosing(events):
        with state.crowd.line(person.id):
            yield b"retry: 3000\n\n"
            async for message in events:
                yield b": still here\n\n" if message is None else _event(message)


def _event(message: Message) -> bytes:
    return f"id: {message.position}\ndata: {message.text}\n\n".encode()
