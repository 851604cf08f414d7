"""A client that sends requests to a sandbox as a student."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiohttp
import orjson

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from tests.deadlines import scaled

NOW = datetime(2026, 10, 15, 15, 0, tzinfo=UTC)
ALL_INCLUDES = (
    "include[]=term&include[]=total_scores&include[]=current_grading_period_scores"
    "&include[]=teachers&include[]=favorites&include[]=concluded&include[]=course_image"
)
GROUPS_PATH = "assignment_groups?include[]=assignments&include[]=submission&per_page=100"


class SandboxResponse(NamedTuple):
    """A response with its decompressed body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def links(self) -> dict[str, str]:
        """The URLs of the `Link` header, by `rel`."""
        links = [part.split("; rel=") for part in self.headers.get("Link", "").split(",") if part]
        return {rel.strip('"'): address.strip("<>") for address, rel in links}


@dataclass
class SandboxClient:
    """Sends requests as one of the students."""

    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def __call__(
        self, path: str, *, student: int = 0, token: str | None = "", **headers: str
    ) -> SandboxResponse:
        """Send a GET request to a URL, or to a path below `/api/v1`; None sends no token."""
        url = path if path.startswith("http") else f"{self.sandbox.url}/api/v1{path}"
        if token is not None:
            token = token or self.sandbox.tokens[student]["token"]
            headers["Authorization"] = f"Bearer {token}"
        header_values = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(url, headers=header_values, allow_redirects=False) as response:
            return SandboxResponse(response.status, response.headers, await response.read())

    async def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """Fetch all courses with all includes."""
        response = await self(f"/courses?per_page=100&{ALL_INCLUDES}", student=student)
        return list(response.json)

    async def course(self, id_: int | str) -> dict[str, Any]:
        """Fetch one course of the list with all includes."""
        return next(course for course in await self.courses() if course["id"] == int(id_))

    async def groups(self, course: int | str, extra_query: str = "") -> list[dict[str, Any]]:
        """Fetch the groups of a course with their assignments and submissions."""
        return list((await self(f"/courses/{course}/{GROUPS_PATH}{extra_query}")).json)

    async def assignments(
        self, course: int | str, extra_query: str = ""
    ) -> dict[int, dict[str, Any]]:
        """Fetch the assignments of a course with their submissions, by id."""
        groups = await self.groups(course, extra_query)
        return {item["id"]: item for group in groups for item in group["assignments"]}

    async def pages(self, path: str, *, student: int = 0) -> list[SandboxResponse]:
        """Fetch all pages of a list."""
        responses = [await self(path, student=student)]
        while next_url := responses[-1].links.get("next"):
            responses.append(await self(next_url, student=student))
        return responses


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, at most 10 seconds (scaled)."""
    async with asyncio.timeout(scaled(10)):
        while not condition():  # noqa: ASYNC110  nothing signals the condition
            await asyncio.sleep(0)


@asynccontextmanager
async def open_sandbox_client(**options: Any) -> AsyncIterator[SandboxClient]:
    """Run a sandbox; by default with two students, a stopped clock and a restricted course."""
    defaults: dict[str, Any] = {"students": 2, "now": NOW, "restricted": True}
    sandbox_options = SandboxOptions(**(defaults | options))
    async with running_sandbox(sandbox_options) as sandbox, aiohttp.ClientSession() as session:
        yield SandboxClient(sandbox, session)
