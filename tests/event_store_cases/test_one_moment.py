"""Kind B: a document of several read models is of one moment, and `synced_at` of what is inside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.canvas_cases.conftest import School
from tests.event_store_cases.event_log import locked_checkpoints
from tests.event_store_cases.graded_account import GradedAccount, connect_account
from tests.event_store_cases.sizes import is_soak, tries

READERS = 4
REBUILT = ("courses", "assignments", "grades", "dashboard_stats", "connections", "sync_log")

Document = dict[str, Any]


def totals_in(data: Document) -> tuple[Any, ...]:
    """Every place in `/canvas/data` that shows the one number of a run."""
    return (
        data["courses"][0]["current_score"],
        data["grades"][0]["current_score"],
        *(each["submission"]["score"] for each in data["assignments"]),
        *(each["score"] for each in data["grades"][0]["assignments"]),
    )


async def read_data(account: GradedAccount) -> Document:
    """Read the whole document; 503 while no moment is common to all parts is allowed."""
    while True:
        response = await account.client("GET", "/api/v1/canvas/data")
        if response.status == 200:
            return dict(response.json)
        assert response.status == 503, response.body
        assert response.headers["Retry-After"]
        await asyncio.sleep(0.05)


async def read_stats(account: GradedAccount) -> Document:
    """Read the dashboard."""
    while True:
        response = await account.client("GET", "/api/v1/dashboard/stats")
        if response.status == 200:
            return dict(response.json)
        assert response.status == 503, response.body
        await asyncio.sleep(0.05)


@asynccontextmanager
async def repeated(change: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Repeat a change while the block runs."""
    stopping = asyncio.Event()

    async def repeat() -> None:
        while not stopping.is_set():
            await change()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        stopping.set()
        await task


class ChangingScores:
    """Sets the total and all scores to the next number, and syncs."""

    def __init__(self, account: GradedAccount) -> None:
        self._account = account
        self.number = 20.0

    async def __call__(self) -> None:
        self.number = 20.0 + (self.number - 19.75) % 60
        self._account.set_scores(self.number, self.number)
        await self._account.sync()


@pytest.mark.timeout(7200 if is_soak() else 600)
async def test_no_document_is_torn_while_runs_and_rebuilds_change_its_parts(
    school: School,
) -> None:
    account = await connect_account(school, assignments=2)
    admin = account.with_role("admin")
    account.set_scores(20.0, 20.0)
    await account.sync()
    torn: list[tuple[Any, ...]] = []
    left = tries(1_000, 100_000)

    async def read() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            seen = totals_in(await read_data(account))
            if len(set(seen)) > 1:
                torn.append(seen)

    async def rebuild() -> None:
        for name in REBUILT:
            path = f"/api/v1/admin/projections/{name}/rebuild"
            response = await admin("POST", path)
            assert response.status in {202, 409, 429}, response.body
            await asyncio.sleep(0.2)

    async with repeated(ChangingScores(account)), repeated(rebuild):
        await asyncio.gather(*(read() for _ in range(READERS)))
    assert torn == []


async def test_no_dashboard_is_torn_while_runs_change_its_parts(school: School) -> None:
    account = await connect_account(school, assignments=2)
    account.set_scores(20.0, 20.0)
    await account.sync()
    async with repeated(ChangingScores(account)):
        for _ in range(tries(200, 20_000)):
            stats = await read_stats(account)
            glance = stats["courses_at_a_glance"][0]["current_score"]
            assert stats["grades"]["average_score"] == glance


@pytest.mark.parametrize("behind", ["grades", "courses", "assignments", "connections"])
async def test_a_document_is_not_composed_while_one_part_is_behind(
    school: School, database_url: str, behind: str
) -> None:
    """All parts move together: one that is held holds the others, and `synced_at`, too."""
    account = await connect_account(school)
    account.set_scores(40.0, 40.0)
    await account.sync()
    before = await read_data(account)
    with locked_checkpoints(database_url, behind):
        account.set_scores(95.0, 95.0)
        sync_id = await account.request_sync()
        for _ in range(20):
            response = await account.client("GET", "/api/v1/canvas/data")
            if response.status == 200:
                assert len(set(totals_in(response.json))) == 1
                is_new = totals_in(response.json)[0] == 95.0
                assert is_new == (response.json["synced_at"] != before["synced_at"])
            await asyncio.sleep(0.05)
    run = await account.client.wait_for_sync(account.id, sync_id)
    after = await account.client.get("/api/v1/canvas/data")
    assert set(totals_in(after)) == {95.0}
    assert after["synced_at"] == run["finished_at"]
