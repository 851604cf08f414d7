"""A student whose grades a test changes, and the auditor of their history."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    course,
    enrollment,
    graded,
    group,
    totals,
)
from tests.canvas_cases.conftest import ConnectedStudent, School
from tests.end_to_end.conftest import Client, Response


@dataclass
class GradedAccount:
    """A connected student with the same number of assignments in each course."""

    student: ConnectedStudent
    school: School

    @property
    def client(self) -> Client:
        return self.student.client

    @property
    def id(self) -> str:
        """The id of the connection."""
        return self.student.connection_id

    @property
    def path(self) -> str:
        """The path of the connection."""
        return f"/api/v1/canvas/connections/{self.id}"

    def set_scores(self, total: float, score: float, course_index: int = 0) -> None:
        """Set the total of a course at Canvas, and the score of each assignment in it."""
        row = self.student.canvas.courses[course_index]
        row["enrollments"] = [enrollment(**totals(total))]
        for each in self.student.canvas.groups[str(row["id"])]:
            for work in each["assignments"]:
                work["submission"] = graded(score)

    async def request_sync(self) -> str:
        """Request a full run, and return its id."""
        response = await self.client("POST", f"{self.path}/sync", json={"mode": "full"})
        assert response.status == 202, response.body
        return str(response.json["id"])

    async def sync(self) -> dict[str, Any]:
        """Run a full sync to its end, and return the run."""
        return await self.client.wait_for_sync(self.id, await self.request_sync())

    def add_token(self) -> str:
        """Return another token that Canvas accepts for this student."""
        token = f"2~{uuid4().hex}"
        self.school.canvas.students[token] = self.student.canvas
        return token

    def with_role(self, role: str) -> Client:
        """Return the client of a new person with this role."""
        return self.client.as_person(uuid4(), role)


async def connect_account(
    school: School, *, courses: int = 1, assignments: int = 1, score: float = 10.0
) -> GradedAccount:
    """Connect a new student, and wait for the first run."""
    numbers = range(1, courses + 1)
    rows = [course(n, f"Course {n}", enrollment(**totals(score))) for n in numbers]
    groups: dict[str, list[Row]] = {
        str(n): [group(n, *[_graded_work(n * 1000 + m, score) for m in range(assignments)])]
        for n in numbers
    }
    return GradedAccount(await school.connect(school.add(rows, groups)), school)


def _graded_work(id_: int, score: float) -> Row:
    return assignment(id_, f"Work {id_}", submission=graded(score))


@dataclass
class Auditor:
    """Reads the history of one connection as an auditor."""

    client: Client
    connection_id: str

    async def read(self, resource: str, **parameters: Any) -> Response:
        """Read `events` or `state` with these query parameters."""
        path = f"/api/v1/audit/connections/{self.connection_id}/{resource}"
        headers = {"Purpose": "a test"}
        return await self.client("GET", path, params=parameters, headers=headers)

    async def events(self, **parameters: Any) -> list[dict[str, Any]]:
        """Return the events of one page of 500."""
        return list((await self.page(**parameters))["items"])

    async def page(self, **parameters: Any) -> dict[str, Any]:
        """Return one page of events, with its `next_cursor`."""
        response = await self.read("events", **{"limit": 500} | parameters)
        assert response.status == 200, response.body
        return dict(response.json)

    async def state(self, **parameters: Any) -> dict[str, Any]:
        """Return the state at a time or a version."""
        response = await self.read("state", **parameters)
        assert response.status == 200, response.body
        return dict(response.json)

    async def connections(self) -> list[dict[str, Any]]:
        """Return the first page of the connections of all people."""
        headers = {"Purpose": "a test"}
        response = await self.client("GET", "/api/v1/audit/connections", headers=headers)
        assert response.status == 200, response.body
        return list(response.json["items"])


def auditor_of(account: GradedAccount, person: UUID | None = None) -> Auditor:
    """Return an auditor of the account's history."""
    return Auditor(account.client.as_person(person or uuid4(), "auditor"), account.id)
