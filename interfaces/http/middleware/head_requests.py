"""HEAD, wherever there is a GET: the same answer without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadResponseComplete(Exception):
    """Nothing of the answer is wanted any more."""


class HeadRequestMiddleware:
    """ASGI middleware: a HEAD is worked on as a GET, and ends where the body would begin."""

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
                raise HeadResponseComplete  # a stream might go on for ever

        # A copy: the server looks into its own to learn that no body follows.
        get_scope = {**scope, "method": "GET"}
        try:
            await self._app(get_scope, receive, send_without_body)
        except HeadResponseComplete:
            pass
        finally:
            scope["route"] = get_scope.get("route")
