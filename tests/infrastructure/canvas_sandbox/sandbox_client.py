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
EVERYTHING = (
    "include[]=term&include[]=total_scores&include[]=current_grading_period_scores"
    "&include[]=teachers&include[]=favorites&include[]=concluded&include[]=course_image"
)
GROUPS = "assignment_groups?include[]=assignments&include[]=submission&per_page=100"


class Told(NamedTuple):
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
        parts = [part.split("; rel=") for part in self.headers.get("Link", "").split(",") if part]
        return {rel.strip('"'): address.strip("<>") for address, rel in parts}


@dataclass
class Asker:
    """Asks as one student or another."""

    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def __call__(
        self, path: str, *, student: int = 0, token: str | None = "", **headers: str
    ) -> Told:
        """GET an address, or a path below `/api/v1`; a `token` of None sends none."""
        url = path if path.startswith("http") else f"{self.sandbox.url}/api/v1{path}"
        if token is not None:
            token = token or self.sandbox.tokens[student]["token"]
            headers["Authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(url, headers=named, allow_redirects=False) as answer:
            return Told(answer.status, answer.headers, await answer.read())

    async def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """All courses, with everything one may include."""
        told = await self(f"/courses?per_page=100&{EVERYTHING}", student=student)
        return list(told.json)

    async def course(self, id_: int | str) -> dict[str, Any]:
        """One course of the list, with everything."""
        return next(course for course in await self.courses() if course["id"] == int(id_))

    async def groups(self, course: int | str, more: str = "") -> list[dict[str, Any]]:
        """A course's groups, with assignments and submissions inside."""
        return list((await self(f"/courses/{course}/{GROUPS}{more}")).json)

    async def assignments(self, course: int | str, more: str = "") -> dict[int, dict[str, Any]]:
        """A course's assignments by id, with submissions inside."""
        groups = await self.groups(course, more)
        return {item["id"]: item for group in groups for item in group["assignments"]}

    async def pages(self, path: str, *, student: int = 0) -> list[Told]:
        """All pages of a list."""
        told = [await self(path, student=student)]
        while following := told[-1].links.get("next"):
            told.append(await self(following, student=student))
        return told


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the condition tells nobody
            await asyncio.sleep(0)


@asynccontextmanager
async def asking(**options: Any) -> AsyncIterator[Asker]:
    """Two students, a stopped clock and a restricted course, unless told otherwise."""
    usual: dict[str, Any] = {"students": 2, "now": NOW, "restricted": True}
    set_up = SandboxOptions(**(usual | options))
    async with running_sandbox(set_up) as sandbox, aiohttp.ClientSession() as session:
        yield Asker(sandbox, session)
