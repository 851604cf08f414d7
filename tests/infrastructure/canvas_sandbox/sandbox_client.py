"""A student's browser, nearly: asks a sandbox and keeps what it says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp
import orjson

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox

NOW = datetime(2026, 10, 15, 15, 0, tzinfo=UTC)
ALL_INCLUDES = (
    "include[]=term&include[]=total_scores&include[]=current_grading_period_scores"
    "&include[]=teachers&include[]=favorites&include[]=concluded&include[]=course_image"
)
GROUPS_PATH = "assignment_groups?include[]=assignments&include[]=submission&per_page=100"


class SandboxResponse(NamedTuple):
    """An answer, decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def links(self) -> dict[str, str]:
        """The addresses of the `Link` header, by `rel`."""
        links = [part.split("; rel=") for part in self.headers.get("Link", "").split(",") if part]
        return {rel.strip('"'): address.strip("<>") for address, rel in links}


@dataclass
class SandboxClient:
    """Asks as one student or another."""

    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def __call__(
        self, path: str, *, student: int = 0, token: str | None = "", **headers: str
    ) -> SandboxResponse:
        """GET an address, or a path below `/api/v1`; a `token` of None sends none."""
        url = path if path.startswith("http") else f"{self.sandbox.url}/api/v1{path}"
        if token is not None:
            token = token or self.sandbox.tokens[student]["token"]
            headers["Authorization"] = f"Bearer {token}"
        header_values = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(url, headers=header_values, allow_redirects=False) as response:
            return SandboxResponse(response.status, response.headers, await response.read())

    async def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """All courses, with everything one may include."""
        responses = await self(f"/courses?per_page=100&{ALL_INCLUDES}", student=student)
        return list(responses.json)

    async def course(self, id_: int | str) -> dict[str, Any]:
        """One course of the list, with everything."""
        return next(course for course in await self.courses() if course["id"] == int(id_))

    async def groups(self, course: int | str, extra_query: str = "") -> list[dict[str, Any]]:
        """A course's groups, with assignments and submissions inside."""
        return list((await self(f"/courses/{course}/{GROUPS_PATH}{extra_query}")).json)

    async def assignments(
        self, course: int | str, extra_query: str = ""
    ) -> dict[int, dict[str, Any]]:
        """A course's assignments by id, with submissions inside."""
        groups = await self.groups(course, extra_query)
        return {item["id"]: item for group in groups for item in group["assignments"]}

    async def pages(self, path: str, *, student: int = 0) -> list[SandboxResponse]:
        """All pages of a list."""
        responses = [await self(path, student=student)]
        while next_url := responses[-1].links.get("next"):
            responses.append(await self(next_url, student=student))
        return responses


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the condition tells nobody
            await asyncio.sleep(0)


@asynccontextmanager
async def open_sandbox_client(**options: Any) -> AsyncIterator[SandboxClient]:
    """Two students, a stopped clock and a restricted course, unless told otherwise."""
    defaults: dict[str, Any] = {"students": 2, "now": NOW, "restricted": True}
    sandbox_options = SandboxOptions(**(defaults | options))
    async with running_sandbox(sandbox_options) as sandbox, aiohttp.ClientSession() as session:
        yield SandboxClient(sandbox, session)
