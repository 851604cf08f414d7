"""Handles unexpected exceptions: logs them once and responds without any internal details."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.observability.redaction import redact_path
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.head_requests import HeadResponseComplete

logger = structlog.get_logger(__name__)


class ResponseAborted(Exception):
    """Raised after the response has started: the server must close the connection.

    The original exception is logged already.
    """


class InternalErrorMiddleware:
    """ASGI middleware: an exception without a problem of its own becomes 500 `internal-error`.

    The middleware that adds headers is outside of it, so that the 500 has these headers too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        has_started = False

        async def send_and_track(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_track)
        except HeadResponseComplete:
            raise
        except Exception as error:
            logger.exception("request_failed", path=redact_path(scope["path"]))
            if has_started:
                # Without an error the server would end the response as if it were complete.
                raise ResponseAborted from error
            await problem_response(Problem("internal-error"), scope)(scope, receive, send)
