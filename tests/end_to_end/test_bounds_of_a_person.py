"""Tests of the bounds of one person, in the whole service: connections, events, full runs."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain import full_sync_limit
from infrastructure.rate_limiting import person_usage
from tests.canvas_cases.canvas_rows import assignment, course, enrollment, graded, group, totals
from tests.canvas_cases.conftest import ConnectedStudent, School, school
from tests.end_to_end.conftest import wait_until

__all__ = ["school"]
SETUP = "/api/v1/canvas/setup"


def semester(courses: int, assignments: int, score: float) -> tuple[list[Any], dict[str, Any]]:
    numbers = range(1, courses + 1)
    groups = {
        str(n): [
            group(
                n,
                *[
                    assignment(n * 1000 + m, f"Work {m}", submission=graded(score))
                    for m in range(assignments)
                ],
            )
        ]
        for n in numbers
    }
    return [course(n, f"Course {n}", enrollment(**totals(score))) for n in numbers], groups


@pytest.fixture
def _few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_usage, "CONNECTIONS_PER_PERSON", 1)
    monkeypatch.setattr(person_usage.PersonUsage, "max_connections", 1)


@pytest.mark.usefixtures("_few_connections")
async def test_a_person_has_a_limited_number_of_connections(
    school: School, database_url: str
) -> None:
    student = await school.connect(school.add(*semester(1, 1, 5.0)))
    body = {"canvas_url": school.url, "api_token": student.canvas.token}
    with psycopg.connect(database_url, autocommit=True) as connection:
        # Another connection of the same person, at a host that this Canvas does not serve.
        connection.execute(
            "UPDATE easeboard.canvas_tokens SET connection_id = gen_random_uuid()"
            " WHERE connection_id = %s",
            [student.connection_id],
        )
    other = await student.client("DELETE", f"/api/v1/canvas/connections/{student.connection_id}")
    assert other.status == 204
    requests = len(student.canvas.requests)
    refused = await student.client("POST", SETUP, json=body)
    assert (refused.status, refused.json["type"]) == (422, "/problems/too-many-connections")
    assert len(student.canvas.requests) == requests, "it is refused before Canvas gets a request"
    _, response = await school.set_up(**body)
    assert response.status == 201, "another person has places of their own"


def limited(monkeypatch: pytest.MonkeyPatch, events: int, stored_bytes: int = 10**9) -> None:
    monkeypatch.setattr(person_usage, "EVENTS_PER_DAY", events)
    monkeypatch.setattr(person_usage, "BYTES_PER_DAY", stored_bytes)


def change_scores(student: ConnectedStudent, score: float) -> None:
    courses = len(student.canvas.courses)
    assignments = len(student.canvas.groups["1"][0]["assignments"])
    student.canvas.courses[:], groups = semester(courses, assignments, score)
    student.canvas.groups.update(groups)


async def recorded(database_url: str, person: UUID) -> int:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM easeboard.events WHERE person_id = %s", [person]
        )
        row = await cursor.fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize("kind", ["events", "bytes"])
async def test_a_canvas_that_always_says_something_new_is_recorded_up_to_a_limit(
    school: School, database_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    student = await school.connect(school.add(*semester(20, 5, 1.0)))
    before = await recorded(database_url, student.client.person)
    if kind == "bytes":
        limited(monkeypatch, 10**9, 200_000)
    else:
        limited(monkeypatch, before + 300)
    statuses, codes = [], []
    for number in range(40):
        change_scores(student, 2.0 + number)
        path = f"/api/v1/canvas/connections/{student.connection_id}/sync"
        response = await student.client("POST", path)
        if response.status == 429:
            assert response.json["type"] == "/problems/rate-limited"
            assert 0 < int(response.headers["Retry-After"]) <= 86_400
            break
        run = await student.client.wait_for_sync(student.connection_id, response.json["id"])
        statuses.append(run["status"])
        codes.append(run["error"] and run["error"]["code"])
    else:
        pytest.fail(f"no limit: {statuses}")
    assert statuses[0] == "completed"
    if kind == "events":
        assert "partial" in statuses or "failed" in statuses
        assert await recorded(database_url, student.client.person) < before + 300 + 200
    assert {code for code in codes if code} <= {"daily-limit"}
    assert (await student.view()).courses, "what was read stays"
    other = await school.connect(school.add(*semester(2, 2, 1.0)))
    assert other.first_run["status"] == "completed", "another person is not limited"


async def test_a_run_that_reaches_the_limit_is_partial_and_a_later_one_reads_the_rest(
    school: School, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    student = await school.connect(school.add(*semester(40, 3, 1.0)))
    before = await recorded(database_url, student.client.person)
    change_scores(student, 9.0)
    limited(monkeypatch, before + 100)
    run = await student.sync()
    assert run["status"] == "partial"
    assert run["error"]["code"] == "daily-limit"
    assert run["courses"]["done"] + run["courses"]["failed"] == run["courses"]["total"] == 40
    limited(monkeypatch, 10**9)
    run = await student.sync()
    assert run["status"] == "completed"
    grades = (await student.view()).grades
    assert {row["current_score"] for row in grades.values()} == {9.0}


async def test_the_count_is_one_of_all_processes_and_survives_a_restart(
    school: School, database_url: str
) -> None:
    student = await school.connect(school.add(*semester(2, 2, 1.0)))

    async def counted() -> Any:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            cursor = await connection.execute(
                "SELECT events, bytes FROM easeboard.person_usage WHERE person_id = %s",
                [student.client.person],
            )
            row = await cursor.fetchone()
        events = await recorded(database_url, student.client.person)
        return row if row and row[0] == events else None

    events, stored_bytes = await wait_until(counted)
    assert events > 4
    assert stored_bytes > events


async def test_full_runs_are_limited_by_what_they_cost(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = await school.connect(school.add(*semester(2, 1, 1.0)))
    monkeypatch.setattr(full_sync_limit, "MAX_FULL_RUN_REQUESTS", 4 * 7)
    for _ in range(7):
        assert (await student.sync("full"))["mode"] == "full"
    path = f"/api/v1/canvas/connections/{student.connection_id}/sync"
    refused = await student.client("POST", path, json={"mode": "full"})
    assert (refused.status, refused.json["type"]) == (429, "/problems/rate-limited")
    assert 3000 < int(refused.headers["Retry-After"]) <= 3600
    assert (await student.sync("auto"))["status"] == "completed"
