"""A whole service beside a literal Canvas, and the student's view of both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from infrastructure.settings.settings import read_settings
from tests.canvas_cases.canvas_rows import Row
from tests.canvas_cases.literal_canvas import LiteralCanvas, LiteralStudent
from tests.dev_tokens import SECRET
from tests.end_to_end.conftest import MASTER_KEY, Client, running_service
from tests.infrastructure.canvas.fake_servers import serve_handler


@dataclass
class StudentView:
    """What a student sees in easeboard; courses and assignments by their Canvas ids."""

    courses: dict[str, Any]
    assignments: dict[str, Any]
    grades: dict[str, Any]
    """By the name of the course."""
    stats: dict[str, Any]


@dataclass
class ConnectedStudent:
    """A student of the literal Canvas whose account is connected."""

    client: Client
    canvas: LiteralStudent
    connection_id: str
    first_run: dict[str, Any]

    async def sync(self, mode: str = "auto") -> dict[str, Any]:
        """Run a sync to its end, and return the run."""
        path = f"/api/v1/canvas/connections/{self.connection_id}/sync"
        response = await self.client("POST", path, json={"mode": mode})
        assert response.status == 202, response.body
        return await self.client.wait_for_sync(self.connection_id, response.json["id"])

    async def view(self) -> StudentView:
        """Read everything."""
        data = await self.client.get("/api/v1/canvas/data")
        return StudentView(
            {row["canvas_id"]: row for row in data["courses"]},
            {row["canvas_id"]: row for row in data["assignments"]},
            {row["course_name"]: row for row in data["grades"]},
            await self.client.get("/api/v1/dashboard/stats"),
        )

    async def find(self, status: str) -> set[str]:
        """The Canvas ids of the assignments that the filter `status` finds."""
        found = await self.client.get(f"/api/v1/canvas/assignments?status={status}")
        return {row["canvas_id"] for row in found["items"]}


@dataclass
class School:
    """The literal Canvas and the service; `connect` adds a student and a person."""

    client: Client
    canvas: LiteralCanvas
    url: str
    people: list[UUID] = field(default_factory=list)

    def add(
        self, courses: list[Row], groups: dict[str, list[Row]] | None = None, **options: Any
    ) -> LiteralStudent:
        """Add a student to the Canvas, who has a token of their own."""
        student = LiteralStudent(f"1~{uuid4().hex}", courses, groups or {}, **options)
        self.canvas.students[student.token] = student
        return student

    async def set_up(self, **body: Any) -> Any:
        """Send the request that connects an account, as a new person; return client, response."""
        self.people.append(uuid4())
        client = self.client.as_person(self.people[-1])
        return client, await client("POST", "/api/v1/canvas/setup", json=body)

    async def connect(self, student: LiteralStudent) -> ConnectedStudent:
        """Connect the account of a student, and wait for the first run."""
        client, response = await self.set_up(canvas_url=self.url, api_token=student.token)
        assert response.status == 201, response.body
        connection_id = response.json["connection"]["id"]
        run = await client.wait_for_sync(connection_id, response.json["sync"]["id"])
        return ConnectedStudent(client, student, connection_id, run)


@pytest.fixture
async def school(database_url: str) -> AsyncIterator[School]:
    canvas = LiteralCanvas()
    async with serve_handler(canvas) as url:
        settings = read_settings(
            database_url=database_url,
            canvas_encryption_key=MASTER_KEY,
            supabase_jwt_secret=SECRET,
            canvas_allow_private=url.removeprefix("http://"),
        )
        async with running_service(settings) as (_, client):
            yield School(client, canvas, url)
