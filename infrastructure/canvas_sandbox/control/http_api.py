"""The control API over HTTP, for clients on this machine only.

`GET /sandbox` lists every operation with its parameters and a description.
`GET /sandbox/<operation>` executes one that only reads: `courses`, `enrollments`, `groups`,
`assignments`, `requests`, `counters`, `status` or `tokens`; arguments are query parameters.
`POST /sandbox/<operation>` executes any operation; arguments are a JSON object:
`POST /sandbox/set_grade {"assignment_id": "10001", "score": 9.5, "student": 0}`.
Responses are `{"result": …}`, or `{"error": …}` with 400 for invalid arguments, 403 for a page of
another origin, and 404 for an unknown operation or id.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from infrastructure.canvas_sandbox.control import Control

READ_OPERATIONS = (
    *("courses", "enrollments", "groups", "assignments", "requests", "counters"),
    *("status", "tokens"),
)
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}

Handler = Callable[[web.Request], Awaitable[web.Response]]


class ControlHttpApi:
    """Handles requests to `/sandbox`.

    Pages of `allowed_origins` may call it from a browser; those of all others get 403.
    """

    def __init__(self, control: Control, allowed_origins: Collection[str] = ()) -> None:
        self._control = control
        self._allowed_origins = allowed_origins

    def routes(self) -> list[web.RouteDef]:
        """The routes of the control API."""
        return [
            web.get("/sandbox", self._guarded(self.list_operations)),
            web.get("/sandbox/{operation}", self._guarded(self.run_read_operation)),
            web.post("/sandbox/{operation}", self._guarded(self.run_operation)),
            web.options("/sandbox/{operation}", self._guarded(_answer_preflight)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler that refuses other machines, and pages of other origins.

        A browser sends some requests of any page without a preflight, so the origin of each request
        counts.
        """

        async def handle(request: web.Request) -> web.Response:
            _require_loopback(request)
            origin = request.headers.get("Origin")
            if origin is None:
                return await handler(request)
            if origin not in self._allowed_origins:
                return _json_response(403, error=f"pages of {origin} may not use the control API")
            response = await handler(request)
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
            return response

        return handle

    async def list_operations(self, _: web.Request) -> web.Response:
        """List every operation with its parameters and the first line of its docstring."""
        return _json_response(
            200,
            result={name: self._describe(name) for name in self._operations()},
        )

    async def run_read_operation(self, request: web.Request) -> web.Response:
        """Execute an operation that only reads."""
        arguments: dict[str, Any] = dict(request.query)
        if "student" in arguments:
            try:
                arguments["student"] = int(arguments["student"])
            except ValueError:
                return _json_response(400, error="student must be an index such as 0")
        return self._execute(request.match_info["operation"], READ_OPERATIONS, arguments)

    async def run_operation(self, request: web.Request) -> web.Response:
        """Execute any operation."""
        body = await request.read()
        try:
            arguments = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            return _json_response(400, error=str(error))
        if not isinstance(arguments, dict):
            return _json_response(400, error="the arguments must be a JSON object")
        return self._execute(request.match_info["operation"], self._operations(), arguments)

    def _operations(self) -> tuple[str, ...]:
        """The names of all operations: every public attribute of the control."""
        return tuple(name for name in vars(self._control) if not name.startswith("_"))

    def _describe(self, name: str) -> str:
        operation = getattr(self._control, name)
        summary = (inspect.getdoc(operation) or "").splitlines()[0]
        return f"{inspect.signature(operation)}: {summary}"

    def _execute(
        self, name: str, allowed: tuple[str, ...], arguments: dict[str, Any]
    ) -> web.Response:
        if name not in allowed:
            return _json_response(
                404, error=f"there is no operation {name!r}; GET /sandbox lists them"
            )
        try:
            if name == "host_away":
                _require_seconds(**arguments)
            return _json_response(200, result=getattr(self._control, name)(**arguments))
        except LookupError as error:
            return _json_response(404, error=f"not found: {error}")
        except (TypeError, ValueError) as error:
            return _json_response(400, error=str(error))


def _require_seconds(how: object = None, seconds: object = None, **_: object) -> None:
    """Refuse an outage that no request could end, because nothing listens on the port."""
    if how == "refuse" and seconds is None:
        raise ValueError("`refuse` needs `seconds`: the control API has the same port, and is away")


async def _answer_preflight(_: web.Request) -> web.Response:
    return web.Response(status=204, headers=PREFLIGHT_HEADERS)


def _require_loopback(request: web.Request) -> None:
    """Refuse other machines, and names that a page of a foreign site points to this machine."""
    if not _is_loopback(request.remote) or not _is_loopback(_host_of(request)):
        raise web.HTTPNotFound


def _host_of(request: web.Request) -> str | None:
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:
        return None


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _json_response(status: int, **document: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
