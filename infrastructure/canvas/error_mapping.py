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


class RetryableFailure(Exception):
    """Wraps a failure of a request that may succeed when it is repeated."""

    def __init__(self, failure: CanvasFailure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def map_transport_error(error: Exception, host: str) -> CanvasFailure | RetryableFailure:
    """Map an exception of aiohttp to a failure, wrapped if another attempt may succeed."""
    match error:
        case TimeoutError():
            return RetryableFailure(
                CanvasTimeout(f"{host} did not respond in time; try again later.")
            )
        case ClientConnectorError() | ClientConnectorCertificateError():
            return _map_connection_error(error, host)
        case ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return CanvasResponseUnusable(
                f"{host} sent a response that cannot be decompressed; check that it is a Canvas."
            )
        case ClientResponseError() | InvalidURL():
            return CanvasResponseUnusable(
                f"{host} sent a response that is not valid HTTP; check that it is a Canvas."
            )
    return RetryableFailure(CanvasUnreachable(f"{host} closed the connection; try again later."))


def _map_connection_error(error: Exception, host: str) -> CanvasFailure | RetryableFailure:
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return CanvasUnreachable(
                f"No secure connection to {host} is possible: its certificate is not valid;"
                " check the address."
            )
        case ClientConnectorDNSError() if error.os_error.errno in HOST_NOT_FOUND_ERRNOS:
            return CanvasUnreachable(f"The host {host} does not exist; check the address.")
        case ClientConnectorError() if isinstance(error.os_error, AddressNotAllowed):
            return CanvasUnreachable(
                f"{host} resolves to an address that is not public; an administrator can allow"
                " one host and port with CANVAS_ALLOW_PRIVATE."
            )
    return RetryableFailure(CanvasUnreachable(f"{host} cannot be reached; try again later."))


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
