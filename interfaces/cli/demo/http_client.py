"""A small client of the HTTP API."""

import asyncio
from http import HTTPStatus
from typing import Any

import aiohttp

from interfaces.cli.errors import CommandFailed

REPEAT_SECONDS = 0.2
"""Interval between two requests of what is not available yet."""


class ApiClient:
    """Sends requests to the API with the bearer token of one user.

    All methods raise CommandFailed if the response is not a success (2xx).
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url
        self.token = token
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON body of a GET request; `parameters` form the query string."""
        return await self._request("GET", path, params=parameters)

    async def text(self, path: str) -> str:
        """Return the body of a GET request that is answered with plain text."""
        async with self._session.get(self.url + path, headers=self._headers) as response:
            if not response.ok:
                raise CommandFailed(f"GET {path} returned {response.status}.")
            return await response.text()

    async def get_when_available(self, path: str) -> Any:
        """Return the JSON body of a GET request, repeated as long as the answer is 503."""
        while True:
            async with self._session.get(self.url + path, headers=self._headers) as response:
                status = response.status
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                return await self.get(path)
            await asyncio.sleep(REPEAT_SECONDS)

    async def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """Return all items of a list; the pages are requested one after another."""
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "500", **parameters, **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, **query)
            items += page["items"]
            cursor = page["next_cursor"]
        return items

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON body of the response to a POST request with a JSON body."""
        return await self._request("POST", path, json=body)

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        async with self._session.request(
            method, self.url + path, headers=self._headers, **options
        ) as response:
            document = await response.json(content_type=None)
            if not response.ok:
                raise CommandFailed(
                    f"{method} {path} returned {response.status}: {document.get('detail')}"
                )
            return document
