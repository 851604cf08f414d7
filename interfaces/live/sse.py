"""Live updates as server-sent events, with the same messages as over the WebSocket.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message as ASGIMessage
from starlette.types import Receive, Scope, Send

from domain.errors import PersonIsErased
from infrastructure.observability.instruments import LIVE_CLIENTS
from interfaces.http.auth.principal import Principal
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.context import app_state_of
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.schemas.live import LiveMessage
from interfaces.http.schemas.page import document_responses
from interfaces.live.event_ids import encode_event_id
from interfaces.live.stream import Message, stream_messages, with_keep_alive

SSE_KEEP_ALIVE_SECONDS = 15.0
SSE_SEND_TIMEOUT_SECONDS = 5.0
"""How long the sending of one message may take before the stream is closed."""
SSE_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(
    prefix="/api/v1/sync",
    tags=["syncs"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


class EventStream(StreamingResponse):
    """A response of server-sent events; it ends if the client does not read."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None], person_id: UUID) -> None:
        super().__init__(chunks, headers=SSE_HEADERS)
        self._chunks = chunks
        self._person_id = person_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the stream and send it; Problem `rate-limited` if the person has too many."""
        limits = app_state_of(scope).connection_limits
        with ExitStack() as stack:
            try:
                stack.enter_context(limits.authenticated(self._person_id, scope))
            except Problem as problem:
                await problem_response(problem, scope)(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the chunks; end the response if one takes longer than SSE_SEND_TIMEOUT_SECONDS."""

        async def send_with_timeout(message: ASGIMessage) -> None:
            async with asyncio.timeout(SSE_SEND_TIMEOUT_SECONDS):
                await send(message)

        with suppress(TimeoutError), LIVE_CLIENTS.labels("sse").track_inprogress():
            async with aclosing(self._chunks):
                await super().stream_response(send_with_timeout)


@router.get(
    "/events",
    operation_id="followSyncs",
    summary="Follow your syncs as server-sent events",
    status_code=200,
    response_class=EventStream,
    responses=document_responses(
        200,
        LiveMessage,
        "A stream of events; the `data` of each is a message as below",
        "person-erased",
    ),
)
async def stream_sync_events(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="The id of the last received event; the stream resumes after it",
        ),
    ] = None,
    # The package event-source-polyfill, with which browsers send a bearer token, sends no header.
    last_event_id_in_query: Annotated[
        str | None,
        Query(
            alias="lastEventId",
            description="The same as `Last-Event-ID`, for clients that cannot send this header",
        ),
    ] = None,
) -> Response:
    """Send a snapshot, then a message for each change, until the token expires.

    With `Last-Event-ID` the stream resumes: no snapshot, and every message since then once. If it
    cannot resume, it begins with a snapshot that has `missed: true`. It ends when the data of the
    user is erased, with an event `erased`; from then on the response is 410.
    """
    state = app_state_of(request)
    last_id = last_event_id or last_event_id_in_query or ""
    state.connection_limits.require_capacity(user.id)
    if await service.is_erased(user.id):
        raise PersonIsErased(user.id)
    if "Consistency-Token" in request.headers:
        await reads(service.sync_status_of(user.id))
    messages = stream_messages(user.id, service, state.live_updates, last_event_id=last_id)
    return EventStream(_encode_messages(user, messages, request.scope), user.id)


async def _encode_messages(
    principal: Principal, messages: AsyncGenerator[Message, None], scope: Scope
) -> AsyncGenerator[bytes, None]:
    state = app_state_of(scope)
    remaining_seconds = principal.expires_at - time.time()
    messages_and_pauses = with_keep_alive(
        messages,
        interval_seconds=SSE_KEEP_ALIVE_SECONDS,
        duration_seconds=remaining_seconds,
        closing=state.closing,
    )
    async with aclosing(messages), aclosing(messages_and_pauses):
        yield b"retry: 3000\n\n"
        try:
            async for message in messages_and_pauses:
                yield b": keep-alive\n\n" if message is None else _encode_message(message)
        except PersonIsErased:
            yield b"event: erased\ndata: {}\n\n"


def _encode_message(message: Message) -> bytes:
    return f"id: {encode_event_id(message.place)}\ndata: {message.text}\n\n".encode()
