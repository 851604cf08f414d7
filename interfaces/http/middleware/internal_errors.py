"""Our own faults: logged once, answered with a problem that says nothing of the inside."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.head_requests import HeadResponseComplete

logger = structlog.get_logger(__name__)


class ResponseAborted(Exception):
    """An answer ends in the middle; why is in the log already."""


class InternalErrorMiddleware:
    """ASGI middleware: what nobody expected becomes 500 `internal-error`.

    It stands inside our other middleware, so that a 500 has their headers as well.
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
            logger.exception("request_failed", path=scope["path"])
            if has_started:
                # The server is to break the connection off: half an answer must not look whole.
                raise ResponseAborted from error
            problem = Problem("internal-error", "Something broke on our side; it is logged.")
            await problem_response(problem, scope)(scope, receive, send)
