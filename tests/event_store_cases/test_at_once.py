"""Kind C: what decides nothing conflicts with nothing, and commands take turns."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import pytest
from aiohttp import web

from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent
from tests.end_to_end.conftest import Response
from tests.event_store_cases.event_log import select
from tests.event_store_cases.graded_account import GradedAccount, auditor_of, connect_account
from tests.event_store_cases.sizes import tries

AT_ONCE = 20
SELECT_TOKENS = "SELECT fingerprint FROM easeboard.canvas_tokens WHERE connection_id = %s::uuid"
COUNT_TOPIC = "SELECT count(*) FROM easeboard.events WHERE topic = %s"


async def slow_check(request: web.Request, _: LiteralStudent) -> web.Response | None:
    """Let checks of tokens take long enough to overlap."""
    if request.path == "/api/v1/users/self":
        await asyncio.sleep(0.15)
    return None


class HeldCanvas:
    """Canvas responds to nothing until the test allows it, so that a run does not end."""

    def __init__(self) -> None:
        self.allowed = asyncio.Event()

    async def __call__(self, _: web.Request, __: LiteralStudent) -> web.Response | None:
        await self.allowed.wait()
        return None


async def all_of(calls: Iterable[Awaitable[Response]]) -> Counter[str]:
    """Send all requests at once, and count their outcomes."""
    return outcomes_of(await asyncio.gather(*calls))


def outcomes_of(responses: Iterable[Response]) -> Counter[str]:
    """Count the outcomes: a status, with the name of the problem if it is one."""
    return Counter(_outcome(response) for response in responses)


async def handled(send: Callable[[], Awaitable[Response]]) -> Response:
    """Send a request, again as long as the process has no slot for it, as on a busy machine."""
    response = await send()
    for _ in range(AT_ONCE):
        if _outcome(response) not in {"429 rate-limited", "503 overloaded"}:
            break
        await asyncio.sleep(float(response.headers["Retry-After"]))
        response = await send()
    return response


async def current_fingerprint(account: GradedAccount, responses: Iterable[Response]) -> str:
    """Read which token the connection uses, when the read includes all these commands."""
    shown = {}
    for response in responses:
        if token := response.headers.get("Consistency-Token"):
            shown = await account.client.get(account.path, **{"Consistency-Token": token})
    return str(shown["token_fingerprint"])


def _outcome(response: Response) -> str:
    if response.status < 300:
        return str(response.status)
    return f"{response.status} {response.json['type'].rpartition('/')[2]}"


@pytest.fixture
async def account(school: School) -> GradedAccount:
    connected = await connect_account(school)
    connected.student.canvas.hook = slow_check
    return connected


async def test_twenty_validations_at_once_all_succeed(account: GradedAccount) -> None:
    for _ in range(tries(2, 20)):
        account.student.canvas.requests.clear()
        calls = (
            account.client("POST", f"{account.path}/validate", json={}) for _ in range(AT_ONCE)
        )
        assert await all_of(calls) == {"200": AT_ONCE}
        checks = account.student.canvas.requests.count("/api/v1/users/self")
        assert checks <= AT_ONCE, "no command checks the token twice"


async def test_twenty_rotations_at_once_leave_the_token_that_the_log_names(
    account: GradedAccount, database_url: str
) -> None:
    for _ in range(tries(2, 20)):
        tokens = [account.add_token() for _ in range(AT_ONCE)]
        account.student.canvas.requests.clear()
        calls = (
            account.client("PUT", f"{account.path}/token", json={"api_token": token})
            for token in tokens
        )
        responses = await asyncio.gather(*calls)
        assert outcomes_of(responses) == {"200": AT_ONCE}
        assert account.student.canvas.requests.count("/api/v1/users/self") == AT_ONCE
        current = await current_fingerprint(account, responses)
        assert select(database_url, SELECT_TOKENS, account.id) == [(current,)]


async def test_twenty_auditors_at_once_all_read_and_are_all_recorded(
    account: GradedAccount, database_url: str
) -> None:
    auditors = [auditor_of(account) for _ in range(AT_ONCE)]
    ((before,),) = select(database_url, COUNT_TOPIC, "HistoryRead")
    calls = (
        auditor.read("events", limit=5, after_position=index % 3)
        for index, auditor in enumerate(auditors)
    )
    assert await all_of(calls) == {"200": AT_ONCE}
    ((after,),) = select(database_url, COUNT_TOPIC, "HistoryRead")
    assert after - before == AT_ONCE


async def test_validations_rotations_and_readings_at_once_all_succeed(
    account: GradedAccount, database_url: str
) -> None:
    for _ in range(tries(2, 20)):
        auditor, tokens = auditor_of(account), [account.add_token() for _ in range(7)]
        put = f"{account.path}/token"
        calls = [
            *(account.client("POST", f"{account.path}/validate", json={}) for _ in range(7)),
            *(account.client("PUT", put, json={"api_token": token}) for token in tokens),
            *(auditor.read("state", version=1) for _ in range(6)),
        ]
        responses = await asyncio.gather(*calls)
        assert outcomes_of(responses) == {"200": AT_ONCE}
        current = await current_fingerprint(account, responses)
        assert select(database_url, SELECT_TOKENS, account.id) == [(current,)]


async def test_of_twenty_requests_for_a_run_one_is_accepted(account: GradedAccount) -> None:
    for _ in range(tries(2, 20)):
        account.student.canvas.hook = held = HeldCanvas()
        calls = (
            account.client("POST", f"{account.path}/sync", json={"mode": "full"})
            for _ in range(AT_ONCE)
        )
        responses = await asyncio.gather(*calls)
        held.allowed.set()
        assert outcomes_of(responses) == {"202": 1, "409 sync-already-running": AT_ONCE - 1}
        (accepted,) = [each.json["id"] for each in responses if each.status == 202]
        refused = {each.json["sync_id"] for each in responses if each.status == 409}
        assert refused == {accepted}
        await account.client.wait_for_sync(account.id, accepted)


async def test_of_twenty_deletions_all_leave_a_closed_connection(
    account: GradedAccount, database_url: str
) -> None:
    delete = partial(account.client, "DELETE", account.path)
    outcomes = await all_of(handled(delete) for _ in range(AT_ONCE))
    assert outcomes["204"] >= 1
    assert set(outcomes) <= {"204", "404 not-found"}
    ((closed,),) = select(database_url, COUNT_TOPIC, "ConnectionClosed")
    assert closed == 1


async def test_of_twenty_setups_of_one_canvas_one_opens(school: School, database_url: str) -> None:
    account = await connect_account(school)
    await account.client("DELETE", account.path)
    body = {"canvas_url": school.url, "api_token": account.add_token()}
    outcomes = await all_of(
        account.client("POST", "/api/v1/canvas/setup", json=body) for _ in range(AT_ONCE)
    )
    assert outcomes == {"201": 1, "409 connection-exists": AT_ONCE - 1}
    ((opened,),) = select(database_url, COUNT_TOPIC, "ConnectionOpened")
    assert opened == 2


async def test_a_history_that_was_read_often_is_read_like_any_other(
    account: GradedAccount, database_url: str
) -> None:
    auditor = auditor_of(account)
    reads = tries(60, 1_000)
    for _ in range(reads // AT_ONCE):
        read = partial(auditor.read, "events", limit=1)
        calls = (handled(read) for _ in range(AT_ONCE))
        assert await all_of(calls) == {"200": AT_ONCE}
    ((recorded,),) = select(database_url, COUNT_TOPIC, "HistoryRead")
    assert recorded == reads // AT_ONCE * AT_ONCE
    readings = [each for each in await auditor.events() if each["stream"] == "readings"]
    versions = [each["version"] for each in readings]
    assert versions == list(range(1, len(versions) + 1))
