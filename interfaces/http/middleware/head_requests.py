"""Serves HEAD for every GET route: the same response without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadResponseComplete(Exception):
    """Raised in the application to stop a response whose headers have been sent for HEAD."""


class HeadRequestMiddleware:
    """ASGI middleware: handles HEAD as GET, and stops the response where its body begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self._app(scope, receive, send)

        async def send_without_body(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "body": b"", "more_body": False} if is_body else message)
            if is_body and message.get("more_body"):
                raise HeadResponseComplete  # an event stream would not end

        # A copy, because uvicorn reads the method from its own scope to omit the body.
        get_scope = {**scope, "method": "GET"}
        try:
            await self._app(get_scope, receive, send_without_body)
        except HeadResponseComplete:
            pass
        finally:
            scope["route"] = get_scope.get("route")
