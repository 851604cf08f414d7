"""The control API over HTTP, for clients on this machine only.

`GET /sandbox` lists every operation with its parameters and a description.
`GET /sandbox/<operation>` executes one that only reads: `courses`, `enrollments`, `groups`,
`assignments`, `requests` or `counters`; arguments are query parameters.
`POST /sandbox/<operation>` executes any operation; arguments are a JSON object:
`POST /sandbox/set_grade {"assignment_id": "10001", "score": 9.5, "student": 0}`.
Responses are `{"result": …}`, or `{"error": …}` with 400 for invalid arguments and 404 for an
unknown operation or id.
"""

import inspect
from ipaddress import ip_address
from typing import Any

import orjson
from aiohttp import web

from infrastructure.canvas_sandbox.control import Control

READ_OPERATIONS = ("courses", "enrollments", "groups", "assignments", "requests", "counters")


class ControlHttpApi:
    """Handles requests to `/sandbox`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        """The routes of the control API."""
        return [
            web.get("/sandbox", self.list_operations),
            web.get("/sandbox/{operation}", self.run_read_operation),
            web.post("/sandbox/{operation}", self.run_operation),
        ]

    async def list_operations(self, request: web.Request) -> web.Response:
        """List every operation with its parameters and the first line of its docstring."""
        _require_loopback(request)
        return _json_response(
            200,
            result={name: self._describe(name) for name in self._operations()},
        )

    async def run_read_operation(self, request: web.Request) -> web.Response:
        """Execute an operation that only reads."""
        _require_loopback(request)
        arguments: dict[str, Any] = dict(request.query)
        if "student" in arguments:
            arguments["student"] = int(arguments["student"])
        return self._execute(request.match_info["operation"], READ_OPERATIONS, arguments)

    async def run_operation(self, request: web.Request) -> web.Response:
        """Execute any operation."""
        _require_loopback(request)
        body = await request.read()
        try:
            arguments = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            return _json_response(400, error=str(error))
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
            return _json_response(200, result=getattr(self._control, name)(**arguments))
        except LookupError as error:
            return _json_response(404, error=f"not found: {error}")
        except (TypeError, ValueError) as error:
            return _json_response(400, error=str(error))


def _require_loopback(request: web.Request) -> None:
    if not request.remote or not ip_address(request.remote).is_loopback:
        raise web.HTTPNotFound


def _json_response(status: int, **document: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
