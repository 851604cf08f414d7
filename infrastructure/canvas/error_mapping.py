"""Maps errors of aiohttp and HTTP statuses of Canvas to the failures of `domain.errors`.

Messages name the host only: no token, body or resolved address may get into an event.
"""

import socket

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ConnectionTimeoutError,
    InvalidURL,
)
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDictProxy

from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasNotFound,
    CanvasResponseUnusable,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from infrastructure.canvas.socket_guard import AddressNotAllowed

OK, NOT_MODIFIED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 200, 304, 401, 403, 404
REQUEST_TIMEOUT, TOO_MANY_REQUESTS, GATEWAY_TIMEOUT = 408, 429, 504
REDIRECTS, CLIENT_ERRORS, SERVER_ERRORS = range(300, 400), range(400, 500), range(500, 600)
RATE_LIMIT_MESSAGE = b"Rate Limit Exceeded"
TRANSPORT_ERRORS = (ClientError, TimeoutError, OSError)
"""Every exception that aiohttp raises for a request."""

HOST_NOT_FOUND_ERRNOS = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class NotConnected(CanvasUnreachable):
    """No connection was made, so nothing was sent.

    The text is the same for every reason: a name that does not exist, one that leads to an address
    of an internal network, no listener, no TLS. Anyone can enter an address, and would learn from
    the differences which names and services an internal network has.
    """


class NotConnectedInTime(CanvasTimeout):
    """No connection was made in time, so nothing was sent."""


class RetryableFailure(Exception):
    """Wraps a failure of a request that may succeed when it is repeated."""

    def __init__(self, failure: CanvasFailure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def map_transport_error(error: Exception, host: str) -> CanvasFailure | RetryableFailure:
    """Map an exception of aiohttp to a failure, wrapped if another attempt may succeed."""
    match error:
        case ConnectionTimeoutError():
            return RetryableFailure(NotConnectedInTime(_no_response(host)))
        case TimeoutError():
            return RetryableFailure(CanvasTimeout(_no_response(host)))
        case ClientConnectorError() | ClientConnectorCertificateError():
            failure = NotConnected(_not_connected(host))
            return failure if _is_permanent(error) else RetryableFailure(failure)
        case ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return CanvasResponseUnusable(
                f"{host} sent a response that cannot be decompressed; check that it is a Canvas."
            )
        case ClientResponseError() | InvalidURL():
            return CanvasResponseUnusable(
                f"{host} sent a response that is not valid HTTP; check that it is a Canvas."
            )
    return RetryableFailure(CanvasUnreachable(f"{host} closed the connection; try again later."))


def no_canvas(host: str) -> str:
    """Return the text for an address that a person entered, whatever the reason is."""
    return (
        f"{host} did not answer as a Canvas does: check that this is the address you see in the"
        " browser when you use Canvas, or try again later."
    )


def describe_connection_error(error: Exception) -> str | None:
    """Return why no connection was made, for the log of the operator; None for other errors."""
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return "no TLS connection is possible: the certificate is not valid"
        case ClientConnectorDNSError() if error.os_error.errno in HOST_NOT_FOUND_ERRNOS:
            return "the host does not exist"
        case ClientConnectorError() if isinstance(error.os_error, AddressNotAllowed):
            return (
                "the host resolves to an address that is not public; CANVAS_ALLOW_PRIVATE can allow"
                " one host and port"
            )
        case ClientConnectorError():
            return "the host cannot be resolved or refuses connections"
        case ConnectionTimeoutError():
            return "no connection was made in time"
    return None


def _is_permanent(error: Exception) -> bool:
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return True
        case ClientConnectorDNSError():
            return error.os_error.errno in HOST_NOT_FOUND_ERRNOS
        case ClientConnectorError():
            return isinstance(error.os_error, AddressNotAllowed)
    return False


def _not_connected(host: str) -> str:
    return f"{host} does not answer: no connection is possible; easeboard tries again by itself."


def _no_response(host: str) -> str:
    return f"{host} did not respond in time; try again later."


def map_status(
    status: int, headers: CIMultiDictProxy[str], body_prefix: bytes, host: str
) -> CanvasFailure | RetryableFailure | None:
    """Map a status to a failure, wrapped if another attempt may succeed; None for 200.

    `body_prefix` only distinguishes the rate limit from other 403 responses. Error messages of
    Canvas are not read, because Canvas translates them. Canvas sends its own errors as JSON, so
    any other 403 or 404 comes from a firewall or proxy in front of it.
    """
    if status == OK:
        return None
    return (
        _retryable_failure(status, headers, body_prefix, host)
        or _refusal(status, headers, host)
        or _unexpected_status(status, host)
    )


def _retryable_failure(
    status: int, headers: CIMultiDictProxy[str], body_prefix: bytes, host: str
) -> RetryableFailure | None:
    if status == TOO_MANY_REQUESTS or (status == FORBIDDEN and RATE_LIMIT_MESSAGE in body_prefix):
        return RetryableFailure(
            CanvasThrottled(f"{host} refuses requests (rate limit); try again in a minute.")
        )
    if status == FORBIDDEN and not is_json(headers):
        return RetryableFailure(
            CanvasUnreachable(
                f"A firewall in front of {host} refuses the request (status 403); try again later,"
                " or have an administrator of this Canvas allow the requests of easeboard."
            )
        )
    if status in {REQUEST_TIMEOUT, GATEWAY_TIMEOUT}:
        return RetryableFailure(CanvasTimeout(f"A gateway of {host} timed out; try again later."))
    if status in SERVER_ERRORS:
        return RetryableFailure(
            CanvasUnreachable(f"{host} failed with server error {status}; try again later.")
        )
    return None


def _refusal(status: int, headers: CIMultiDictProxy[str], host: str) -> CanvasFailure | None:
    if status == UNAUTHORIZED and headers.get("WWW-Authenticate", "").lower().startswith("bearer"):
        return CanvasTokenRejected(f"{host} rejects the token; create a new one in Canvas.")
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return CanvasForbidden(
            f"{host} does not permit this token to read the data; use a token without restrictions."
        )
    if status == NOT_FOUND and is_json(headers):
        return CanvasNotFound(
            f"{host} has no such data, or no longer shows it to the owner of the token."
        )
    return None


def _unexpected_status(status: int, host: str) -> CanvasResponseUnusable:
    if status in REDIRECTS and status != NOT_MODIFIED:
        return CanvasResponseUnusable(f"{host} redirects; enter the address it redirects to.")
    if status == NOT_FOUND:
        return CanvasResponseUnusable(
            f"{host} has no Canvas at this address (status 404); check the address."
        )
    if status in CLIENT_ERRORS:
        return CanvasResponseUnusable(
            f"{host} does not accept a request of easeboard (status {status}); report this to the"
            " operator of easeboard."
        )
    return CanvasResponseUnusable(
        f"{host} sent the unexpected status {status}; check that it is a Canvas."
    )


def is_json(headers: CIMultiDictProxy[str]) -> bool:
    """Whether the `Content-Type` of a response is JSON."""
    content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return content_type.startswith("application/json") or content_type.endswith("+json")
