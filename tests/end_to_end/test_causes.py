"""Every event of a random life of an account has its correlation and its cause in the log."""

import random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from interfaces.composition.process import Process
from tests.end_to_end.conftest import Client, running_service
from tests.event_chains import ChainedEvent, require_chains

STEPS = 12

SELECT_EVENTS = """
SELECT stream, version, topic, state, recorded_at, person_id, position,
       event_id, correlation_id, causation_id
  FROM easeboard.events
 ORDER BY position
"""


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_event_of_a_random_life_is_in_a_chain(
    settings: Settings, sandbox: Sandbox, database_url: str, seed: int
) -> None:
    async with running_service(settings) as (process, client):
        life = Life(client, sandbox, random.Random(seed))
        for _ in range(STEPS):
            await life.take_step()
        events = read_chained_events(process, database_url)
    require_chains(events)
    topics = {event.topic for event in events}
    assert {"SyncRequested", "CourseFetched", "GradeChanged", "SyncCompleted"} <= topics


async def test_a_request_is_the_correlation_of_all_that_it_caused(
    settings: Settings, sandbox: Sandbox, database_url: str
) -> None:
    async with running_service(settings) as (process, client):
        connection = await client.connect(sandbox)
        sandbox.control.set_grade(
            sandbox.control.assignments(sandbox.control.courses()[0]["id"])[0]["id"],
            score=1.5,
            grade="1.5",
        )
        path = f"/api/v1/canvas/connections/{connection['id']}/sync"
        response = await client("POST", path, headers={"X-Request-ID": "the-request-1"})
        await client.wait_for_sync(connection["id"], response.json["id"])
        events = read_chained_events(process, database_url)
    own = [event.topic for event in events if event.correlation_id == "the-request-1"]
    assert own[:3] == ["SyncRequested", "SyncStarted", "CourseFetched"]
    assert own[-1] == "SyncCompleted"
    assert "GradeChanged" in own


class Life:
    """What the person, their teachers and Canvas do in a random order."""

    def __init__(self, client: Client, sandbox: Sandbox, chance: random.Random) -> None:
        self._client = client
        self._sandbox = sandbox
        self._chance = chance
        self._connection: dict[str, Any] | None = None

    async def take_step(self) -> None:
        if self._connection is None:
            self._connection = await self._client.connect(self._sandbox)
        steps = [self._sync, self._sync, self._grade, self._validate, self._cancel]
        steps += [self._reject, self._read_history, self._close]
        await self._chance.choice(steps)(self._connection["id"])

    async def _sync(self, connection_id: str) -> None:
        path = f"/api/v1/canvas/connections/{connection_id}/sync"
        response = await self._client("POST", path)
        while response.status == 409:  # a new token starts a sync by itself
            await self._client.wait_for_sync(connection_id, response.json["sync_id"])
            response = await self._client("POST", path)
        assert response.status == 202, response.body
        await self._client.wait_for_sync(connection_id, response.json["id"])

    async def _grade(self, connection_id: str) -> None:
        control = self._sandbox.control
        course = self._chance.choice(control.courses())
        for each in control.assignments(course["id"])[:2]:
            score = float(self._chance.randrange(9))
            control.set_grade(each["id"], score=score, grade=str(score))
        await self._sync(connection_id)

    async def _validate(self, connection_id: str) -> None:
        await self._client("POST", f"/api/v1/canvas/connections/{connection_id}/validate")

    async def _cancel(self, connection_id: str) -> None:
        await self._client("POST", f"/api/v1/canvas/connections/{connection_id}/sync")
        await self._client("DELETE", f"/api/v1/sync/connections/{connection_id}")
        await self._client.wait_for_sync(connection_id)

    async def _reject(self, connection_id: str) -> None:
        self._sandbox.control.revoke_token()
        await self._sync(connection_id)
        token = {"api_token": self._sandbox.control.issue_token()}
        await self._client("PUT", f"/api/v1/canvas/connections/{connection_id}/token", json=token)

    async def _read_history(self, connection_id: str) -> None:
        auditor = self._client.as_person(UUID(int=9, version=4), "auditor")
        path = f"/api/v1/audit/connections/{connection_id}/events?purpose=test"
        await auditor("GET", path)

    async def _close(self, connection_id: str) -> None:
        path = f"/api/v1/canvas/connections/{connection_id}"
        response = await self._client("DELETE", path)
        assert response.status == 204, response.body
        self._sandbox.tokens[0]["token"] = self._sandbox.control.issue_token()
        self._connection = None


def read_chained_events(process: Process, database_url: str) -> list[ChainedEvent]:
    """Return all events in the order of the log."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(SELECT_EVENTS).fetchall()
    payloads = process.mapper.to_payloads([row[:7] for row in rows])
    return [
        ChainedEvent(row[2], row[5], payload.get("sync_id"), *row[7:])
        for row, payload in zip(rows, payloads, strict=True)
    ]
