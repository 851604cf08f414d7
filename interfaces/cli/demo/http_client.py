"""Somebody who uses the service over HTTP, as any client would."""

from typing import Any

import aiohttp

from interfaces.cli.errors import CommandFailed


class ApiClient:
    """A person with a token; every answer that is no success is a CommandFailed."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url
        self.token = token

    async def get(self, path: str, **parameters: str) -> Any:
        """The document at a path."""
        return await self._request("GET", path, params=parameters)

    async def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "500", **parameters, **({"cursor": cursor} if cursor else {})}
            page = await self.get(path, **query)
            items += page["items"]
            cursor = page["next_cursor"]
        return items

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a command."""
        return await self._request("POST", path, json=body)

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            document = await response.json(content_type=None)
            if not response.ok:
                raise CommandFailed(
                    f"{method} {path} answered {response.status}: {document.get('detail')}"
                )
            return document
