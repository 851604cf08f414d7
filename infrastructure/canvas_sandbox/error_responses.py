"""How Canvas says no: statuses, headers and bodies as its source writes them."""

from typing import Any, NamedTuple

import orjson

JSON = "application/json; charset=utf-8"
HTML = "text/html"
CHALLENGE = {"www-authenticate": 'Bearer realm="canvas-lms"'}
THROTTLED = {
    403: b"403 Forbidden (Rate Limit Exceeded)\n",
    429: b"429 Too Many Requests (Rate Limit Exceeded)\n",
}


class Answer(NamedTuple):
    """What goes back over the wire."""

    status: int
    body: bytes
    headers: dict[str, str]


class Refused(Exception):
    """The request is answered with a refusal."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refusal(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    """A refusal with a JSON body."""
    return Answer(status, orjson.dumps(document), {"content-type": JSON} | (headers or {}))


def page(status: int, title: str) -> Answer:
    """An HTML page from a proxy in front of Canvas."""
    heading = f"{status} {title}"
    body = (
        f"<html>\n<head><title>{heading}</title></head>\n"
        f"<body>\n<center><h1>{heading}</h1></center>\n</body>\n</html>\n"
    )
    return Answer(status, body.encode(), {"content-type": HTML, "server": "awselb/2.0"})


def no_token() -> Answer:
    """Nobody said who asks."""
    message = {"message": "user authorization required"}
    return refusal(401, {"status": "unauthenticated", "errors": [message]}, CHALLENGE)


def bad_token(kind: str, **facts: str | None) -> Answer:
    """The token is dead: `Invalid`, `Expired` or `Revoked`."""
    message = {"message": f"{kind} access token.", **facts}
    return refusal(401, {"errors": [message]}, CHALLENGE)


def out_of_scope() -> Answer:
    """The token lives but may not do this: 401 without a challenge."""
    return refusal(401, {"errors": [{"message": "Insufficient scopes on access token."}]})


def no_masquerade() -> Answer:
    """Students act as nobody else; here `errors` is a string."""
    return refusal(401, {"errors": "Invalid as_user_id"})


def denied(status: int) -> Answer:
    """The student may not: 403, or 401 on sites of old, never with a challenge."""
    message = {"message": "user not authorized to perform that action"}
    return refusal(status, {"status": "unauthorized", "errors": [message]})


def no_such_record() -> Answer:
    """There is no such thing, or no such id."""
    return refusal(404, {"errors": [{"message": "The specified resource does not exist."}]})


def no_such_page() -> Answer:
    """Canvas has no such route."""
    return refusal(404, {"errors": [{"message": "An error occurred.", "error_code": "not_found"}]})


def broken(report: int = 81_233_407) -> Answer:
    """Canvas itself failed."""
    message = {"message": "An error occurred.", "error_code": "internal_server_error"}
    return refusal(500, {"errors": [message], "error_report_id": report})


def circuit_open() -> Answer:
    """Something behind Canvas failed."""
    message = {"message": "An error occurred.", "error_code": "bad_gateway"}
    return refusal(502, {"errors": [message]})


def throttled(status: int) -> Answer:
    """The bucket is full: plain text, 403 or 429, and no `Retry-After`."""
    return Answer(status, THROTTLED[status], {"content-type": "text/plain; charset=utf-8"})
