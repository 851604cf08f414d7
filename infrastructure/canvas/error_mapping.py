"""What goes wrong between us and Canvas, in our words.

Nothing here quotes a token, a body or a resolved address.
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
    CanvasAnswerUnusable,
    CanvasFailure,
    CanvasForbidden,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from infrastructure.canvas.socket_guard import AddressRefused

OK, NOT_MODIFIED, UNAUTHORIZED, FORBIDDEN, TOO_MANY = 200, 304, 401, 403, 429
REDIRECTS, SERVER_FAULTS, GATEWAY_TIMEOUT = range(300, 400), range(500, 600), 504
THROTTLED = b"Rate Limit Exceeded"
TRANSPORT = (ClientError, TimeoutError, OSError)
"""All that aiohttp raises."""

NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class TryAgain(Exception):
    """The failure may pass by itself."""

    def __init__(self, failure: CanvasFailure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def failure_of(error: Exception, host: str) -> CanvasFailure | TryAgain:
    """What an error on the way means, and whether asking again may help."""
    match error:
        case TimeoutError():
            return TryAgain(CanvasTimeout(f"{host} did not answer in time; try again later."))
        case ClientConnectorError() | ClientConnectorCertificateError():
            return _failure_to_connect(error, host)
        case ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return CanvasAnswerUnusable(f"{host} sent an answer that cannot be decompressed.")
        case ClientResponseError() | InvalidURL():
            return CanvasAnswerUnusable(f"{host} sent an answer that is no proper HTTP.")
    return TryAgain(CanvasUnreachable(f"{host} broke the connection off; try again later."))


def _failure_to_connect(error: Exception, host: str) -> CanvasFailure | TryAgain:
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return CanvasUnreachable(f"{host} cannot be asked in secret: its certificate is wrong.")
        case ClientConnectorDNSError() if error.os_error.errno in NO_SUCH_HOST:
            return CanvasUnreachable(f"There is no host {host}; check the address.")
        case ClientConnectorError() if isinstance(error.os_error, AddressRefused):
            return CanvasUnreachable(
                f"{host} leads to an address that is not public; an administrator can open up one"
                " host and port with CANVAS_ALLOW_PRIVATE."
            )
    return TryAgain(CanvasUnreachable(f"{host} cannot be reached; try again later."))


def verdict(
    status: int, headers: CIMultiDictProxy[str], beginning: bytes, host: str
) -> CanvasFailure | TryAgain | None:
    """What a status means, None for 200; never decided by a message, which may be translated."""
    if status == OK:
        return None
    return _passing(status, beginning, host) or _lasting(status, headers, host)


def _passing(status: int, beginning: bytes, host: str) -> TryAgain | None:
    if status == TOO_MANY or (status == FORBIDDEN and THROTTLED in beginning):
        return TryAgain(CanvasThrottled(f"{host} limits our requests; try again in a minute."))
    if status == GATEWAY_TIMEOUT:
        return TryAgain(CanvasTimeout(f"{host} took too long; try again later."))
    if status in SERVER_FAULTS:
        return TryAgain(CanvasUnreachable(f"{host} has a fault of its own ({status})."))
    return None


def _lasting(status: int, headers: CIMultiDictProxy[str], host: str) -> CanvasFailure:
    if status == UNAUTHORIZED and headers.get("WWW-Authenticate", "").lower().startswith("bearer"):
        return CanvasTokenRejected(f"{host} rejects the token; make a new one in Canvas.")
    if status == UNAUTHORIZED or (status == FORBIDDEN and is_json(headers)):
        return CanvasForbidden(f"{host} does not permit this token to read it.")
    if status in REDIRECTS and status != NOT_MODIFIED:
        return CanvasAnswerUnusable(f"{host} redirects; give the address it leads to.")
    return CanvasAnswerUnusable(f"{host} answers {status}, which no Canvas should.")


def is_json(headers: CIMultiDictProxy[str]) -> bool:
    """Whether an answer says that it is JSON."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind.startswith("application/json") or kind.endswith("+json")
