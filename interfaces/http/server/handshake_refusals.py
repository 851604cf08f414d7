"""Refuses WebSocket handshakes that do not reach the application."""

from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from interfaces.http.server.early_problems import early_problem

SLUG_BY_STATUS = {
    HTTPStatus.FORBIDDEN: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_URI_TOO_LONG: "head-too-large",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head-too-large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal-error",
}
"""The problem for a status of the library; others are `bad-request`.

With 403 the application refuses a WebSocket that has no route.
"""


class HandshakeProtocol(ServerProtocol):
    """Refuses a handshake with a problem.

    The texts of the library would return what the client has sent, such as a token.
    """

    def reject(self, status: StatusLike, text: str) -> Response:  # noqa: ARG002  # replaced
        """Return the response to a handshake that is refused."""
        problem = early_problem(SLUG_BY_STATUS.get(HTTPStatus(status), "bad-request"))
        headers = Headers((name.decode(), value.decode()) for name, value in problem.headers)
        return Response(problem.status, HTTPStatus(problem.status).phrase, headers, problem.body)
