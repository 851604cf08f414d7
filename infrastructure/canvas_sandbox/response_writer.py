"""Sends responses, correctly or with a connection fault."""

import asyncio
import socket
import struct
from email.utils import formatdate

from aiohttp import web
from multidict import CIMultiDict

from infrastructure.canvas_sandbox.error_responses import JSON, Response
from infrastructure.canvas_sandbox.fault_injection import Fault

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
ENDLESS_BODY_CHUNK = b"[0," + b"0," * 32_768
STANDARD_HEADERS = {
    "server": "Apache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer-when-downgrade",
}


def build_response(response: Response) -> web.Response:
    """Build a correct response; header names are in lower case, as hosted Canvas sends them."""
    headers = CIMultiDict({**STANDARD_HEADERS, "date": formatdate(usegmt=True), **response.headers})
    if response.status != web.HTTPNotModified.status_code:
        headers["content-length"] = str(len(response.body))
    return web.Response(status=response.status, body=response.body or None, headers=headers)


async def respond_with_fault(
    fault: Fault, request: web.Request, response: Response
) -> web.StreamResponse:
    """Apply a connection fault; `hang` and `endless` return only if the client disconnects."""
    match fault.kind:
        case "reset":
            return _reset_connection(request, response)
        case "hang":
            await asyncio.Event().wait()
        case "slow_drip":
            return await _send_slowly(request, response, float(fault.details.get("seconds", 0.05)))
        case "truncated":
            return await _send_half(request, response)
        case "endless":
            await _send_endlessly(request)
    return build_response(response)


def close_connection(request: web.Request) -> web.StreamResponse:
    """Close the connection of a request without a response."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _reset_connection(request: web.Request, response: Response) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    return build_response(response)


async def _start_response(request: web.Request, response: Response) -> web.StreamResponse:
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(response.body)
    await stream.prepare(request)
    return stream


async def _send_slowly(
    request: web.Request, response: Response, seconds: float
) -> web.StreamResponse:
    stream = await _start_response(request, response)
    for byte in response.body:
        await stream.write(bytes((byte,)))
        await asyncio.sleep(seconds)
    return stream


async def _send_half(request: web.Request, response: Response) -> web.StreamResponse:
    stream = await _start_response(request, response)
    await stream.write(response.body[: len(response.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return stream


async def _send_endlessly(request: web.Request) -> None:
    stream = web.StreamResponse(headers={"content-type": JSON})
    await stream.prepare(request)
    while True:
        await stream.write(ENDLESS_BODY_CHUNK)
