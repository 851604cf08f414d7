"""Puts an answer on the wire, properly or as a fault demands."""

import asyncio
import socket
import struct
from email.utils import formatdate

from aiohttp import web
from multidict import CIMultiDict

from infrastructure.canvas_sandbox.error_responses import JSON, Answer
from infrastructure.canvas_sandbox.fault_injection import Fault

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
CHUNK = b"[0," + b"0," * 32_768
PROTOCOL_HEADERS = {
    "server": "Apache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer-when-downgrade",
}


def respond(answer: Answer) -> web.Response:
    """A proper response; header names are lower-case, as hosted Canvas writes them."""
    headers = CIMultiDict({**PROTOCOL_HEADERS, "date": formatdate(usegmt=True), **answer.headers})
    if answer.status != web.HTTPNotModified.status_code:
        headers["content-length"] = str(len(answer.body))
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)


async def misbehave(fault: Fault, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Do to the connection what the fault demands."""
    match fault.kind:
        case "reset":
            return _reset(request, answer)
        case "hang":
            await asyncio.Event().wait()
        case "slow_drip":
            return await _drip(request, answer, float(fault.details.get("seconds", 0.05)))
        case "truncated":
            return await _truncate(request, answer)
        case "endless":
            await _never_end(request)
    return respond(answer)


def _reset(request: web.Request, answer: Answer) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    return respond(answer)


async def _begin(request: web.Request, answer: Answer) -> web.StreamResponse:
    stream = web.StreamResponse(status=answer.status, headers=answer.headers)
    stream.content_length = len(answer.body)
    await stream.prepare(request)
    return stream


async def _drip(request: web.Request, answer: Answer, seconds: float) -> web.StreamResponse:
    stream = await _begin(request, answer)
    for byte in answer.body:
        await stream.write(bytes((byte,)))
        await asyncio.sleep(seconds)
    return stream


async def _truncate(request: web.Request, answer: Answer) -> web.StreamResponse:
    stream = await _begin(request, answer)
    await stream.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return stream


async def _never_end(request: web.Request) -> None:
    stream = web.StreamResponse(headers={"content-type": JSON})
    await stream.prepare(request)
    while True:
        await stream.write(CHUNK)
