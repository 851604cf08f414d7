"""Canvas's error responses: statuses, headers and bodies as in the source of canvas-lms."""

from typing import Any, NamedTuple

import orjson

JSON = "application/json; charset=utf-8"
HTML = "text/html"
CHALLENGE_HEADERS = {"www-authenticate": 'Bearer realm="canvas-lms"'}
RATE_LIMIT_BODIES = {
    403: b"403 Forbidden (Rate Limit Exceeded)\n",
    429: b"429 Too Many Requests (Rate Limit Exceeded)\n",
}


class Response(NamedTuple):
    """A response before it is sent; header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]


class ErrorResponse(Exception):
    """Ends the processing of a request; its response is sent to the client."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_error(status: int, document: Any, headers: dict[str, str] | None = None) -> Response:
    """An error with a JSON body."""
    return Response(status, orjson.dumps(document), {"content-type": JSON} | (headers or {}))


def html_error(status: int, title: str) -> Response:
    """An HTML error page of a load balancer in front of Canvas."""
    heading = f"{status} {title}"
    body = (
        f"<html>\n<head><title>{heading}</title></head>\n"
        f"<body>\n<center><h1>{heading}</h1></center>\n</body>\n</html>\n"
    )
    return Response(status, body.encode(), {"content-type": HTML, "server": "awselb/2.0"})


def firewall_denied() -> Response:
    """403 in HTML: a firewall in front of Canvas refused the request."""
    body = (
        "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. "
        "Please consult with your administrator.<br><br>Your support ID is: "
        "4162038841970043218</body></html>"
    )
    return Response(403, body.encode(), {"content-type": HTML, "server": "BigIP"})


def token_missing() -> Response:
    """401 with a challenge: the request has no token."""
    message = {"message": "user authorization required"}
    return json_error(401, {"status": "unauthenticated", "errors": [message]}, CHALLENGE_HEADERS)


def token_rejected(kind: str, **details: str | None) -> Response:
    """401 with a challenge: the token is `Invalid`, `Expired` or `Revoked` (`kind`)."""
    message = {"message": f"{kind} access token.", **details}
    return json_error(401, {"errors": [message]}, CHALLENGE_HEADERS)


def scope_insufficient() -> Response:
    """401 without a challenge: the token is valid, but the path is not in its scopes."""
    return json_error(401, {"errors": [{"message": "Insufficient scopes on access token."}]})


def masquerade_denied() -> Response:
    """401: a student must not masquerade as another user; `errors` is a string here."""
    return json_error(401, {"errors": "Invalid as_user_id"})


def access_denied(status: int) -> Response:
    """The student has no permission: 403, or 401 on older sites, both without a challenge."""
    message = {"message": "user not authorized to perform that action"}
    return json_error(status, {"status": "unauthorized", "errors": [message]})


def record_not_found() -> Response:
    """404: no record has this id."""
    return json_error(404, {"errors": [{"message": "The specified resource does not exist."}]})


def route_not_found() -> Response:
    """404: Canvas has no such route."""
    return json_error(
        404, {"errors": [{"message": "An error occurred.", "error_code": "not_found"}]}
    )


def internal_server_error(report: int = 81_233_407) -> Response:
    """500: an error in Canvas itself."""
    message = {"message": "An error occurred.", "error_code": "internal_server_error"}
    return json_error(500, {"errors": [message], "error_report_id": report})


def bad_gateway() -> Response:
    """502: a service that Canvas depends on failed."""
    message = {"message": "An error occurred.", "error_code": "bad_gateway"}
    return json_error(502, {"errors": [message]})


def rate_limit_exceeded(status: int) -> Response:
    """403 or 429 in plain text: the bucket is full. Canvas sends no `Retry-After`."""
    return Response(
        status, RATE_LIMIT_BODIES[status], {"content-type": "text/plain; charset=utf-8"}
    )
