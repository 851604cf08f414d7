"""Problems of requests and WebSocket handshakes that do not reach the application."""

from typing import NamedTuple
from uuid import uuid4

import orjson

from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.middleware.security_headers import STRICT_HEADERS


class EarlyProblem(NamedTuple):
    """A complete response. It has nothing of what the client has sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def early_problem(slug: str) -> EarlyProblem:
    """Return the response with the problem of this type, which closes the connection."""
    problem_type, request_id = PROBLEM_TYPES[slug], str(uuid4())
    document = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": problem_type.detail,
        "request_id": request_id,
    }
    body = orjson.dumps(document)
    headers = (
        (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *STRICT_HEADERS,
        *(((b"retry-after", b"1"),) if slug == "overloaded" else ()),
    )
    return EarlyProblem(problem_type.status, headers, body)
