"""A small client of the HTTP API."""

from typing import Any

import aiohttp

from interfaces.cli.errors import CommandFailed


class ApiClient:
    """Sends requests to the API with the bearer token of one user.

    All methods raise CommandFailed if the response is not a success (2xx).
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url
        self.token = token

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON body of a GET request; `parameters` form the query string."""
        return await self._request("GET", path, params=parameters)

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
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            document = await response.json(content_type=None)
            if not response.ok:
                raise CommandFailed(
                    f"{method} {path} returned {response.status}: {document.get('detail')}"
                )
            return document
