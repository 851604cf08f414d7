from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.rate_limiting.counters import RequestCounts
from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import identities
from interfaces.http.auth.jwt_verifier import Tokens
from interfaces.http.auth.principal import Person
from interfaces.http.middleware.rate_limiting import address_of
from interfaces.http.middleware.rate_limits import (
    DEFAULT,
    OF_ROUTE,
    STRANGERS,
    SYNC,
    UNLIMITED,
    Policy,
)
from tests.dev_tokens import ADA, BOB, SECRET, bearer, token_of
from tests.interfaces.http.authorisation import TABLE
from tests.interfaces.http.fake_service import CONNECTION, Told
from tests.interfaces.loopback_server import serving

COURSES = "/api/v1/canvas/courses"
SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION}/sync"
COMING = {
    "POST /api/v1/admin/users/{user_id}/erase",
    "DELETE /api/v1/me",
    "GET /api/v1/me/export",
    "GET /api/v1/audit/connections/{connection_id}/export",
}


class Minute:
    """A minute that is half over, for as long as a test takes."""

    def __init__(self) -> None:
        self.seconds = 90.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def minute() -> Minute:
    return Minute()


@pytest.fixture
def counts(minute: Minute) -> RequestCounts:
    return RequestCounts(now=minute)


class Checked:
    """Checks tokens, and knows how often it had to."""

    def __init__(self, app: FastAPI) -> None:
        self._identity = app.state.identity
        self.times = 0

    def remembered(self, token: str) -> Person | None:
        found: Person | None = self._identity.remembered(token)
        return found

    async def __call__(self, token: str) -> Person:
        self.times += 1
        person: Person = await self._identity(token)
        return person


@pytest.fixture
async def app(told: Told, counts: RequestCounts) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None)
    async with identities(secret=SECRET, supabase_url=None) as identity:
        yield create_app(told.as_service(), settings, identity=identity, counts=counts)


async def use_up(counts: RequestCounts, policy: Policy, whose: str, *, left: int = 0) -> None:
    for _ in range(policy.quota - left):
        await counts.add(f"{policy.name}/{whose}", policy.quota)


def limits(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("ratelimit")}


def test_every_limited_route_is_one_of_ours() -> None:
    assert set(OF_ROUTE) <= set(TABLE) | COMING


async def test_an_answer_tells_what_is_left(ada: httpx2.AsyncClient) -> None:
    answer = await ada.get(COURSES)
    assert limits(answer) == {
        "ratelimit-policy": '"default";q=6000;w=60',
        "ratelimit": '"default";r=5999;t=30',
        "ratelimit-limit": "6000",
        "ratelimit-remaining": "5999",
        "ratelimit-reset": "30",
    }


async def test_whoever_asks_too_much_is_told_when_to_come_back(
    ada: httpx2.AsyncClient, told: Told, counts: RequestCounts, minute: Minute
) -> None:
    await use_up(counts, DEFAULT, str(ADA), left=1)
    assert (await ada.get(COURSES)).status_code == 200
    asked = len(told.asked)
    refused = await ada.get(COURSES)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["ratelimit"] == '"default";r=0;t=30'
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert len(told.asked) == asked
    assert (await ada.get(COURSES, headers=bearer(BOB))).status_code == 200
    minute.seconds += 30
    assert (await ada.get(COURSES)).status_code == 200


async def test_a_costly_route_has_a_limit_of_its_own_beside(
    ada: httpx2.AsyncClient, counts: RequestCounts
) -> None:
    await use_up(counts, SYNC, str(ADA), left=1)
    last = await ada.post(SYNC_NOW)
    assert last.status_code == 202
    assert last.headers["ratelimit"] == '"sync";r=0;t=30'
    refused = await ada.post(SYNC_NOW)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert (await ada.get(COURSES)).status_code == 200
    assert counts.seen(f"default/{ADA}").times == 3, "a costly one counts twice"


@pytest.mark.parametrize("route", sorted(set(OF_ROUTE) - COMING))
async def test_each_costly_route_counts(
    stranger: httpx2.AsyncClient, counts: RequestCounts, route: str
) -> None:
    await use_up(counts, OF_ROUTE[route], str(ADA))
    method, path = route.split(" ")
    path = path.replace("{connection_id}", str(CONNECTION)).replace("{name}", "courses")
    refused = await stranger.request(method, path, headers=bearer(ADA, "admin"))
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer garbage"}, bearer(ttl=-60)])
async def test_strangers_are_limited_by_address(
    stranger: httpx2.AsyncClient, counts: RequestCounts, headers: dict[str, str]
) -> None:
    first = await stranger.get(COURSES, headers=headers)
    assert first.status_code == 401
    assert first.headers["ratelimit"] == '"strangers";r=2999;t=30'
    await use_up(counts, STRANGERS, "127.0.0.1")
    assert (await stranger.get(COURSES, headers=headers)).status_code == 429
    assert (await stranger.get("/nowhere", headers=headers)).status_code == 429


async def test_no_token_of_an_address_with_too_many_bad_ones_is_checked(
    app: FastAPI, stranger: httpx2.AsyncClient, counts: RequestCounts
) -> None:
    good = bearer(ADA)
    assert (await stranger.get(COURSES, headers=good)).status_code == 200
    app.state.identity = checked = Checked(app)
    await use_up(counts, STRANGERS, "127.0.0.1")
    bad = await stranger.get(COURSES, headers={"Authorization": "Bearer garbage"})
    unknown = await stranger.get(COURSES, headers=bearer(BOB))
    assert (bad.status_code, unknown.status_code, checked.times) == (429, 429, 0)
    known = await stranger.get(COURSES, headers=good)
    assert known.status_code == 200, "one that was good before is good still"


async def test_good_tokens_are_not_counted_against_their_address(
    stranger: httpx2.AsyncClient, counts: RequestCounts
) -> None:
    for person in (ADA, BOB):
        assert (await stranger.get(COURSES, headers=bearer(person))).status_code == 200
    assert counts.seen("strangers/127.0.0.1").times == 0


@pytest.mark.parametrize("path", sorted(UNLIMITED))
async def test_what_machines_ask_is_not_limited(
    stranger: httpx2.AsyncClient, counts: RequestCounts, path: str
) -> None:
    await use_up(counts, STRANGERS, "127.0.0.1")
    answer = await stranger.get(path)
    assert answer.status_code == 200
    assert limits(answer) == {}


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
        (None, ""),
    ],
)
def test_whoever_has_an_address_has_its_network(host: str | None, whose: str) -> None:
    assert address_of({"client": host and (host, 1)}) == whose


async def test_the_address_is_the_one_a_proxy_of_this_machine_names(
    app: FastAPI, counts: RequestCounts
) -> None:
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        await client.get(COURSES, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.4"})
    assert counts.seen("strangers/198.51.100.4").times == 1
    assert counts.seen("strangers/127.0.0.1").times == 0


async def test_a_token_is_remembered_once_it_was_found_good(app: FastAPI) -> None:
    token = token_of(ADA)
    assert app.state.identity.remembered(token) is None
    await app.state.identity(token)
    assert app.state.identity.remembered(token).id == ADA


async def test_readiness_tells_of_lost_counters_and_does_not_fail(told: Told) -> None:
    class Lost:
        is_reached = False

        async def add(self, _: str) -> int:
            return 0

        async def close(self) -> None:
            return

    settings = read_settings(_env_file=None)
    nobody = Tokens(secret=None, keys=None, issuer=None)
    counts = RequestCounts(Lost())
    app = create_app(told.as_service(), settings, identity=nobody, counts=counts)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["components"]["rate_limits"] == "no Redis: counted by each process"
