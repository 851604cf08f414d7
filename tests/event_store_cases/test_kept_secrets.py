"""Kind A: a secret is kept only with the event that names it, whatever happens to the append."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent
from tests.event_store_cases.event_log import refused_appends, select
from tests.event_store_cases.graded_account import GradedAccount, connect_account
from tests.event_store_cases.sizes import tries

SELECT_TOKENS = (
    "SELECT fingerprint FROM easeboard.canvas_tokens WHERE connection_id = %s::uuid ORDER BY 1"
)
COUNT_TOKENS = "SELECT count(*) FROM easeboard.canvas_tokens"
COUNT_ADDRESSES = "SELECT count(*) FROM easeboard.calendar_addresses"
COUNT_OPENED = "SELECT count(*) FROM easeboard.events WHERE topic = 'ConnectionOpened'"


class CheckedToken:
    """Canvas responds to a check of this token only when the test allows it."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.arrived, self.allowed = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: web.Request, _: LiteralStudent) -> web.Response | None:
        if request.headers["Authorization"].endswith(self.token):
            self.arrived.set()
            await self.allowed.wait()
        return None


async def rotate(account: GradedAccount, token: str) -> Any:
    """Send a new token for the connection."""
    return await account.client("PUT", f"{account.path}/token", json={"api_token": token})


async def test_a_token_that_is_checked_while_its_connection_closes_is_not_kept(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    checked = CheckedToken(account.add_token())
    account.student.canvas.hook = checked
    replacing = asyncio.create_task(rotate(account, checked.token))
    await checked.arrived.wait()
    closed = await account.client("DELETE", account.path)
    checked.allowed.set()
    refused = await replacing
    assert (closed.status, refused.status) == (204, 404), refused.body
    assert select(database_url, SELECT_TOKENS, account.id) == []


async def test_tokens_that_arrive_while_their_connection_closes_are_not_kept(
    school: School, database_url: str
) -> None:
    for _ in range(tries(5, 100)):
        account = await connect_account(school)
        tokens = [account.add_token() for _ in range(4)]
        statuses = await asyncio.gather(
            *(rotate(account, token) for token in tokens[:2]),
            account.client("DELETE", account.path),
            *(rotate(account, token) for token in tokens[2:]),
        )
        assert {response.status for response in statuses} <= {200, 204, 404}
        assert select(database_url, SELECT_TOKENS, account.id) == []


async def test_of_two_setups_at_once_only_the_token_of_the_first_is_kept(
    school: School, database_url: str
) -> None:
    for _ in range(tries(5, 100)):
        account = await connect_account(school)
        await account.client("DELETE", account.path)
        bodies = [{"canvas_url": school.url, "api_token": account.add_token()} for _ in range(3)]
        path = "/api/v1/canvas/setup"
        responses = await asyncio.gather(
            *(account.client("POST", path, json=body) for body in bodies)
        )
        assert sorted(each.status for each in responses) == [201, 409, 409]
        (opened,) = [each.json["connection"] for each in responses if each.status == 201]
        kept = select(database_url, SELECT_TOKENS, opened["id"])
        assert kept == [(opened["token_fingerprint"],)]


@pytest.mark.parametrize(
    ("topic", "method", "path"),
    [
        ("ConnectionOpened", "POST", "/api/v1/canvas/setup"),
        ("SyncRequested", "POST", "/api/v1/canvas/setup"),
        ("CalendarShared", "POST", "/api/v1/calendar"),
    ],
)
async def test_nothing_is_kept_for_an_event_that_cannot_be_appended(
    school: School, database_url: str, topic: str, method: str, path: str
) -> None:
    student = (await connect_account(school)).student.canvas
    stranger = school.client.as_person(uuid4())
    body = {"canvas_url": school.url, "api_token": student.token} if "setup" in path else None
    before = [select(database_url, count) for count in (COUNT_TOKENS, COUNT_ADDRESSES)]
    with refused_appends(database_url, topic):
        response = await stranger(method, path, json=body)
        assert response.status >= 500
    assert [select(database_url, count) for count in (COUNT_TOKENS, COUNT_ADDRESSES)] == before
    response = await stranger(method, path, json=body)
    assert response.status == 201, "the same request succeeds afterwards"


async def test_a_token_whose_event_cannot_be_appended_replaces_nothing(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    before = select(database_url, SELECT_TOKENS, account.id)
    with refused_appends(database_url, "TokenRotated"):
        response = await rotate(account, account.add_token())
        assert response.status >= 500
    assert select(database_url, SELECT_TOKENS, account.id) == before
    assert (await account.sync())["status"] == "completed", "the token in use still works"


async def test_a_token_of_another_canvas_user_is_not_kept(
    school: School, database_url: str
) -> None:
    account = await connect_account(school)
    before = select(database_url, SELECT_TOKENS, account.id)
    stranger = _Stranger(f"3~{uuid4().hex}", [], {})
    school.canvas.students[stranger.token] = stranger
    response = await rotate(account, stranger.token)
    assert response.json["type"].endswith("/canvas-user-mismatch")
    assert select(database_url, SELECT_TOKENS, account.id) == before


class _Stranger(LiteralStudent):
    """A student with another id at Canvas."""

    @property
    def user(self) -> dict[str, Any]:
        return {"id": 777, "name": "Somebody Else"}


async def test_a_calendar_that_is_shared_and_ended_at_once_has_an_address_only_if_it_is_shared(
    school: School, database_url: str
) -> None:
    client = school.client.as_person(uuid4())
    for _ in range(tries(10, 200)):
        calls = ["POST", "DELETE", "POST", "DELETE"]
        await asyncio.gather(*(client(method, "/api/v1/calendar") for method in calls))
        ((newest,),) = select(
            database_url,
            "SELECT topic FROM easeboard.events WHERE topic LIKE 'Calendar%%'"
            " AND person_id = %s ORDER BY position DESC LIMIT 1",
            client.person,
        )
        ((addresses,),) = select(database_url, COUNT_ADDRESSES)
        assert addresses == (newest == "CalendarShared")
