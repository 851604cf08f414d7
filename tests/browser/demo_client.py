"""Sends requests to a running demo: its API as a role, and the control API of its sandbox."""

import asyncio
from typing import Any

import aiohttp

from tests.browser.demo_process import DemoAddresses
from tests.deadlines import scaled

SYNC_SECONDS = 40.0
POLL_SECONDS = 0.05
TOKEN_HEADER = "Consistency-Token"

Document = dict[str, Any]


def other_score(assignment: Document) -> float:
    """Return a score that the assignment does not have."""
    score: float = assignment["score"] or 0
    return score + 1 if score + 1 <= assignment["points_possible"] else score - 1


class DemoClient:
    """What tests prepare without the browser."""

    def __init__(self, session: aiohttp.ClientSession, demo: DemoAddresses) -> None:
        self._session = session
        self.demo = demo
        self._tokens: dict[str, str] = {}
        self._consistency_token: str | None = None

    async def request(
        self, method: str, path: str, *, role: str = "student", **request: Any
    ) -> Any:
        """Return the JSON of a response of the API; a refusal fails the test.

        A read shows what earlier requests of this client have recorded or shown.
        """
        headers = {"Authorization": f"Bearer {await self._token(role)}"} | request.pop(
            "headers", {}
        )
        if method == "GET" and self._consistency_token:
            headers |= {TOKEN_HEADER: self._consistency_token, "Prefer": "wait=10"}
        url = self.demo.url + path
        async with self._session.request(method, url, headers=headers, **request) as response:
            assert response.ok, f"{method} {path}: {response.status} {await response.text()}"
            self._consistency_token = response.headers.get(TOKEN_HEADER, self._consistency_token)
            return await response.json(content_type=None) if response.status != 204 else None

    async def text(self, path: str, *, role: str = "auditor") -> str:
        """Return the text of a response of the API."""
        headers = {"Authorization": f"Bearer {await self._token(role)}"}
        async with self._session.get(self.demo.url + path, headers=headers) as response:
            assert response.ok, f"GET {path}: {response.status}"
            return await response.text()

    async def items(self, path: str, **request: Any) -> list[Document]:
        """Return the items of the first page of a list."""
        found: list[Document] = (await self.request("GET", path, **request))["items"]
        return found

    async def control(self, operation: str, **arguments: Any) -> Any:
        """Execute an operation of the sandbox and return its result."""
        url = f"{self.demo.sandbox_url}/sandbox/{operation}"
        async with self._session.post(url, json=arguments) as response:
            document = await response.json()
            assert response.ok, document
            return document["result"]

    async def connection(self) -> Document | None:
        """Return the connection of the student, if there is one."""
        items = await self.items("/api/v1/canvas/connections")
        return items[0] if items else None

    async def sync(self, connection_id: str) -> Document:
        """Request a sync, or take the one under way, wait for its end, and return it."""
        await self.wait_until_idle(connection_id)
        path = f"/api/v1/canvas/connections/{connection_id}/sync"
        sync = await self.request("POST", path, json={})
        await self.wait_until_idle(connection_id)
        path = f"/api/v1/sync/logs?connection_id={connection_id}"
        return next(run for run in await self.items(path) if run["id"] == sync["id"])

    async def wait_until_idle(self, connection_id: str) -> None:
        """Wait until no sync of the connection is queued or running."""
        async with asyncio.timeout(scaled(SYNC_SECONDS)):
            while True:
                items = await self.items("/api/v1/sync/status")
                if all(i["state"] == "idle" for i in items if i["connection_id"] == connection_id):
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def wait_until_sealed(self, path: str) -> None:
        """Wait until a signed checkpoint covers each event of an auditor's list."""
        async with asyncio.timeout(scaled(SYNC_SECONDS)):
            while True:
                headers = {"Purpose": "a test"}
                events = await self.items(path, role="auditor", headers=headers)
                if all(event["seal"] for event in events):
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def assignments(self) -> list[Document]:
        """Return what is graded with points in current courses that show a total, as Canvas has."""
        courses = await self.control("courses")
        return [
            {**assignment, "course": course["name"]}
            for course in courses
            if course["role"] == "student" and course["present"]
            if not course["restricted"] and not course["concluded"]
            if not course["totals_hidden"] and course["current_score"] is not None
            for assignment in await self.control("assignments", course_id=course["id"])
            if assignment["present"] and assignment["assigned"]
            if assignment["grading_type"] == "points" and assignment["points_possible"]
        ]

    async def set_grade(self, assignment_id: str, score: float) -> Document:
        """Set a grade that differs from the present one, sync, and return its grade change."""
        await self.control("set_grade", assignment_id=assignment_id, score=score)
        connection = await self.make_healthy()
        sync = await self.sync(connection["id"])
        path = "/api/v1/canvas/grades/history?baseline=false&sort=-changed_at"
        changes = await self.items(path)
        return next(
            change
            for change in changes
            if change["sync_id"] == sync["id"] and change["subject"] == "assignment"
        )

    async def change_grade(self, number: int = 0) -> Document:
        """Set another grade for one of the assignments, sync, and return the grade change."""
        assignment = (await self.assignments())[number]
        return await self.set_grade(assignment["id"], other_score(assignment))

    async def newest_change(self) -> Document:
        """Return the newest grade change of the student; make one if there is none."""
        path = "/api/v1/canvas/grades/history?baseline=false&sort=-changed_at"
        changes = [item for item in await self.items(path) if item["subject"] == "assignment"]
        if changes:
            return changes[0]
        return await self.change_grade()

    async def make_healthy(self) -> Document:
        """Let Canvas answer, give the student one connection with a valid token; return it."""
        await self.control("host_back")
        connection = await self.connection()
        if connection is None:
            connection = await self._connect()
        elif connection["status"] != "active" or not await self._has_valid_token():
            path = f"/api/v1/canvas/connections/{connection['id']}/token"
            token = await self.control("issue_token")
            connection = await self.request("PUT", path, json={"api_token": token})
        assert connection
        await self.wait_until_idle(connection["id"])
        if await self._has_failed():
            await self.sync(connection["id"])
        return connection

    async def _has_failed(self) -> bool:
        items = await self.items("/api/v1/sync/status")
        return any(item["sync"] and item["sync"]["status"] == "failed" for item in items)

    async def _connect(self) -> Document:
        body = {
            "canvas_url": self.demo.sandbox_url,
            "canvas_name": "Canvas sandbox",
            "api_token": await self.control("issue_token"),
        }
        answer = await self.request("POST", "/api/v1/canvas/setup", json=body)
        connection: Document = answer["connection"]
        return connection

    async def _has_valid_token(self) -> bool:
        return any(token["valid"] for token in await self.control("tokens"))

    async def _token(self, role: str) -> str:
        if role not in self._tokens:
            url = f"{self.demo.url}/console/tokens"
            headers = {"Origin": self.demo.url}
            async with self._session.post(url, json={"role": role}, headers=headers) as response:
                self._tokens[role] = (await response.json())["token"]
        return self._tokens[role]
