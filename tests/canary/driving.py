"""Drives the whole product over its ways in, and keeps everything it answers."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import psycopg
from psycopg.sql import SQL, Identifier

from tests.canary.haystack import Haystack

SETUP = "/api/v1/canvas/setup"
PATIENCE = 30.0
READS = (
    "/api/v1/canvas/courses", "/api/v1/canvas/assignments", "/api/v1/canvas/grades",
    "/api/v1/canvas/grades/history", "/api/v1/canvas/data", "/api/v1/canvas/connections",
    "/api/v1/sync/logs", "/api/v1/sync/status", "/api/v1/dashboard/stats",
    "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/problems/not-found",
)  # fmt: skip


class Driver:
    """Somebody who asks, and remembers every answer with its head."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, haystack: Haystack, token: str
    ) -> None:
        self._session, self._url, self._haystack = session, url, haystack
        self._token = token

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask; gives the status and the document."""
        sent = {"Authorization": f"Bearer {self._token}"} | headers
        async with self._session.request(
            method, self._url + path, headers=sent, json=body
        ) as answer:
            read = await answer.read()
            head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
            self._haystack.add(f"answer to {method} {path[:40]}", head.encode() + read)
            document = json.loads(read) if read and "json" in answer.content_type else None
            return answer.status, document

    async def ended(self, sync_id: str) -> str:
        """How a run ended, once it has."""
        async with asyncio.timeout(PATIENCE):
            while True:
                _, logs = await self("GET", "/api/v1/sync/logs")
                for run in logs["items"]:
                    if run["id"] == sync_id and run["finished_at"]:
                        return str(run["status"])
                await asyncio.sleep(0.05)

    async def raw(self, request: str) -> None:
        """Send what no client sends."""
        place = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(request.encode())
        self._haystack.add("answer to a raw request", await reader.read())
        writer.close()

    async def listen(self) -> None:
        """Follow both streams for their first message, in every way there is to say who it is."""
        socket = self._url.replace("http", "ws") + "/ws/sync-status"
        for protocols in ((), ("bearer", self._token)):
            async with self._session.ws_connect(socket, protocols=protocols) as line:
                if not protocols:
                    await line.send_json({"type": "auth", "token": self._token})
                self._haystack.add("WebSocket", f"{line.protocol} {await line.receive()}")
        async with self._session.ws_connect(socket) as line:
            await line.send_json({"type": "auth", "token": f"{self._token}x"})
            self._haystack.add("WebSocket refused", f"{await line.receive()}")
        events = f"{self._url}/api/v1/sync/events"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(events, headers=headers) as answer:
            self._haystack.add("events", await answer.content.readany())


async def misuse(driver: Driver, canvas_token: str) -> None:
    """Put a Canvas token everywhere it does not belong."""
    for body in (
        {"api_token": canvas_token},
        {"canvas_url": canvas_token, "canvas_name": canvas_token, "api_token": 7},
        {"canvas_url": f"https://{canvas_token}@x.instructure.com", "api_token": canvas_token,
         "canvas_name": "x"},
        {"canvas_url": "https://x.example", "canvas_name": "x", "api_token": canvas_token},
        [canvas_token],
        canvas_token,
    ):  # fmt: skip
        status, _ = await driver("POST", SETUP, body)
        assert status == 422, status
    await driver("GET", f"/api/v1/canvas/courses?access_token={canvas_token}&limit={canvas_token}")
    await driver("GET", f"/nowhere/{canvas_token}")
    await driver("GET", "/api/v1/canvas/courses", Authorization=f"Basic {canvas_token}")
    await driver("GET", "/api/v1/canvas/courses", **{"Consistency-Token": canvas_token})
    head = f"Host: x\r\nContent-Type: application/json\r\nX-Request-ID: {uuid4()}\r\n"
    broken = f'{{"api_token": "{canvas_token}"'
    await driver.raw(
        f"POST {SETUP} HTTP/1.1\r\n{head}Connection: close\r\n"
        f"Content-Length: {len(broken)}\r\n\r\n{broken}"
    )
    await driver.raw(f"GET /{canvas_token} HTTP/9\r\nX {canvas_token}\r\n\r\n")
    await driver.raw(f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {canvas_token * 2000}\r\n\r\n")


def dump(url: str, haystack: Haystack) -> None:
    """Every table of the database, as text and as bytes."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            """
            SELECT schemaname, tablename
              FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
             ORDER BY schemaname, tablename
            """
        ).fetchall()
        for schema, table in tables:
            for form in (SQL(""), SQL(" WITH (FORMAT binary)")):
                copy = SQL("COPY {} TO STDOUT{}").format(Identifier(schema, table), form)
                with connection.cursor().copy(copy) as rows:
                    haystack.add(f"table {schema}.{table}", b"".join(bytes(row) for row in rows))
