"""A client of the HTTP API that collects every response for the search for secrets."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from tests.canary.collected_output import CollectedOutput
from tests.deadlines import scaled

SETUP_PATH = "/api/v1/canvas/setup"
RUN_TIMEOUT_SECONDS = scaled(30.0)
READ_PATHS = (
    "/api/v1/canvas/courses", "/api/v1/canvas/assignments", "/api/v1/canvas/grades",
    "/api/v1/canvas/grades/history", "/api/v1/canvas/data", "/api/v1/canvas/connections",
    "/api/v1/sync/logs", "/api/v1/sync/status", "/api/v1/dashboard/stats",
    "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/problems/not-found",
)  # fmt: skip


class RecordingClient:
    """Sends requests with one bearer token, and collects the headers and body of each response."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, collected: CollectedOutput, token: str
    ) -> None:
        self._session, self._url, self._collected = session, url, collected
        self._token = token

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; return the status and the JSON document (None if it is not JSON)."""
        return await self._send(method, path, body, headers)

    async def share_calendar(self, key: str) -> str:
        """Make the address of a calendar with this idempotency key; return its path.

        The body is not collected, because its purpose is to show the secret.
        """
        status, shared = await self._send(
            "POST", "/api/v1/calendar", None, {"Idempotency-Key": key}, collect_body=False
        )
        assert status == 201
        return str(urlsplit(shared["url"]).path)

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        *,
        collect_body: bool = True,
    ) -> Any:
        request_headers = {"Authorization": f"Bearer {self._token}"} | headers
        async with self._session.request(
            method, self._url + path, headers=request_headers, json=body
        ) as response:
            received = await response.read()
            head = "".join(f"{name}: {value}\n" for name, value in response.headers.items())
            body_to_collect = received if collect_body else b""
            self._collected.add(
                f"response to {method} {path[:40]}", head.encode() + body_to_collect
            )
            is_json = received and "json" in response.content_type
            return response.status, json.loads(received) if is_json else None

    async def wait_for_run(self, sync_id: str) -> str:
        """Wait until a run is finished; return its status."""
        async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
            while True:
                _, logs = await self("GET", "/api/v1/sync/logs")
                for run in logs["items"]:
                    if run["id"] == sync_id and run["finished_at"]:
                        return str(run["status"])
                await asyncio.sleep(0.05)

    async def send_raw(self, request: str) -> None:
        """Send bytes that need not be valid HTTP."""
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request.encode())
        self._collected.add("response to a raw request", await reader.read())
        writer.close()

    async def open_streams(self) -> None:
        """Read the first message of the WebSocket and of the event stream.

        The WebSocket is opened with each way to authenticate, and with a wrong token.
        """
        websocket_url = self._url.replace("http", "ws") + "/ws/sync-status"
        for protocols in ((), ("bearer", self._token)):
            async with self._session.ws_connect(websocket_url, protocols=protocols) as websocket:
                if not protocols:
                    await websocket.send_json({"type": "auth", "token": self._token})
                self._collected.add(
                    "WebSocket", f"{websocket.protocol} {await websocket.receive()}"
                )
        async with self._session.ws_connect(websocket_url) as websocket:
            await websocket.send_json({"type": "auth", "token": f"{self._token}x"})
            self._collected.add("WebSocket refused", f"{await websocket.receive()}")
        events = f"{self._url}/api/v1/sync/events"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(events, headers=headers) as response:
            self._collected.add("events", await response.content.readany())


async def use_calendar(client: RecordingClient, name: str, hidden: dict[str, str]) -> None:
    """Make the address of a calendar, and use it; add its secret to those that are hidden."""
    key = str(uuid4())
    path = await client.share_calendar(key)
    assert await client.share_calendar(key) == path
    hidden[name] = secret = path.removeprefix("/calendar/").removesuffix(".ics")
    assert (await client("GET", path))[0] == 200
    for wrong_path in (f"/calendar/{secret}", f"{path}/", f"/calendar/x/{secret}", f"/x/{secret}"):
        assert (await client("GET", wrong_path))[0] == 404
    assert (await client("POST", path))[0] == 405
    await client.send_raw(f"GET {path} HTTP/9\r\n\r\n")


async def misuse_token(client: RecordingClient, canvas_token: str) -> None:
    """Send a Canvas token in every place where it does not belong."""
    for body in (
        {"api_token": canvas_token},
        {"canvas_url": canvas_token, "canvas_name": canvas_token, "api_token": 7},
        {"canvas_url": f"https://{canvas_token}@x.instructure.com", "api_token": canvas_token,
         "canvas_name": "x"},
        {"canvas_url": "https://x.example", "canvas_name": "x", "api_token": canvas_token},
        [canvas_token],
        canvas_token,
    ):  # fmt: skip
        status, _ = await client("POST", SETUP_PATH, body)
        assert status == 422
    await client("GET", f"/api/v1/canvas/courses?access_token={canvas_token}&limit={canvas_token}")
    await client("GET", f"/nowhere/{canvas_token}")
    await client("GET", "/api/v1/canvas/courses", Authorization=f"Basic {canvas_token}")
    await client("GET", "/api/v1/canvas/courses", **{"Consistency-Token": canvas_token})
    headers = f"Host: x\r\nContent-Type: application/json\r\nX-Request-ID: {uuid4()}\r\n"
    incomplete_body = f'{{"api_token": "{canvas_token}"'
    await client.send_raw(
        f"POST {SETUP_PATH} HTTP/1.1\r\n{headers}Connection: close\r\n"
        f"Content-Length: {len(incomplete_body)}\r\n\r\n{incomplete_body}"
    )
    await client.send_raw(f"GET /{canvas_token} HTTP/9\r\nX {canvas_token}\r\n\r\n")
    await client.send_raw(f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {canvas_token * 2000}\r\n\r\n")
