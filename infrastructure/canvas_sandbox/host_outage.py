"""Takes the whole host away: every request fails in the same way until the host is back."""

import asyncio
from typing import Literal, get_args

from aiohttp import web

from infrastructure.canvas_sandbox.error_responses import html_error
from infrastructure.canvas_sandbox.request_log import LoggedRequest
from infrastructure.canvas_sandbox.response_writer import build_response, close_connection
from infrastructure.canvas_sandbox.sandbox_listener import SandboxListener

HowAway = Literal["unavailable", "close", "hang", "refuse"]
MAX_SECONDS = 86_400
"""The longest time for which a host can be away that comes back by itself."""


class HostOutage:
    """Whether the host is away, and how: `how` is None while it is there.

    `unavailable` is 503 of a load balancer, `close` ends connections without a response, `hang`
    sends nothing, and with `refuse` nothing listens on the port; requests on connections that are
    still open are then closed too.
    """

    def __init__(self, listener: SandboxListener) -> None:
        self.how: HowAway | None = None
        self._listener = listener
        self._back = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, how: HowAway, seconds: float | None) -> None:
        """Take the host away, for some seconds or until `end` is called.

        Raises: ValueError if there is no such way to be away, or the time is not valid.
        """
        if how not in get_args(HowAway):
            raise ValueError(f"a host cannot be away by {how!r}; use one of {get_args(HowAway)}")
        if seconds is not None and not _is_valid_time(seconds):
            raise ValueError(f"seconds must be a number from 0 to {MAX_SECONDS}")
        self.end()
        self.how = how
        self._back.clear()
        if how == "refuse":
            self._listener.stop()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.end)

    def cancel_return(self) -> None:
        """Stay away even after the time that was given."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """Bring the host back; requests that hang are then closed."""
        self.cancel_return()
        if self.how == "refuse":
            self._listener.start()
        self.how = None
        self._back.set()

    async def respond(self, request: web.Request, entry: LoggedRequest) -> web.StreamResponse:
        """Treat a request that arrived while the host is away."""
        if self.how == "unavailable":
            response = html_error(503, "Service Temporarily Unavailable")
            entry.status = response.status
            return build_response(response)
        if self.how == "hang":
            await self._back.wait()
        return close_connection(request)


def _is_valid_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and 0 <= seconds <= MAX_SECONDS
