"""The limits of the number of connections, on a server with few of them."""

import pytest
from fastapi import FastAPI

from interfaces.http.server import client_connections, protocol
from interfaces.http.server.client_connections import PHASES_TO_SHED, ClientConnections, Phase
from interfaces.http.server.file_budget import HEALTH_CONNECTIONS
from tests.dev_tokens import bearer_headers
from tests.interfaces.http.server.raw_connection import (
    COURSES,
    LIVE,
    connect,
    open_connections,
)
from tests.interfaces.loopback_server import serve_on_loopback

LIMIT = 20
STRANGER = "127.0.0.9"
NO_PROXY = ("10.0.0.0/8",)
FOLLOW = (
    "GET /api/v1/sync/events HTTP/1.1\r\nHost: test\r\n"
    f"Authorization: {bearer_headers()['Authorization']}\r\n\r\n"
).encode()


@pytest.mark.parametrize(
    "sent",
    [b"", LIVE, b"GET /health/live HTTP/1.1\r\n", LIVE + b"\r\n"],
    ids=["nothing", "one-request", "half-a-head", "no-request"],
)
async def test_connections_that_wait_never_keep_out_others(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(client_connections, "PHASES_TO_SHED", dict.fromkeys(PHASES_TO_SHED, 0.0))
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, 3 * LIMIT, sent) as held,
        connect(base) as honest,
    ):
        assert await honest.request(COURSES) == 401
        assert await honest.request(LIVE) == 200
        assert await held[0].is_at_end()


async def test_the_connection_that_is_idle_the_longest_is_shed_first(app: FastAPI) -> None:
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, LIMIT - 2, LIVE) as held,
    ):
        assert await held[0].request() == 200
        async with open_connections(base, 3, LIVE):
            assert [await each.is_closed() for each in held[:5]] == [
                False,
                True,
                True,
                True,
                False,
            ]


async def test_an_unused_connection_has_time_for_its_first_request(app: FastAPI) -> None:
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, LIMIT - 2, LIVE) as held,
        connect(base) as honest,
        open_connections(base, 5, LIVE),
    ):
        assert await honest.request() == 200
        assert await held[0].is_closed()


async def test_a_new_connection_outlives_older_ones_in_any_phase(app: FastAPI) -> None:
    half_a_head = LIVE[:-2]
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, LIMIT, half_a_head),
        connect(base) as honest,
        open_connections(base, LIMIT // 2, half_a_head),
    ):
        assert await honest.request() == 200


async def test_above_the_limit_only_health_checks_are_answered(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.live.connection_limits.MAX_CONNECTIONS_PER_PERSON", 1000)
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, LIMIT, FOLLOW) as followers,
        connect(base) as health,
        connect(base) as other,
    ):
        assert await health.request() == 200
        assert await health.is_closed(), "it would keep a place that is for others"
        assert await other.request(COURSES) == 503
        assert await other.is_closed()
        async with open_connections(base, 2 * HEALTH_CONNECTIONS), connect(base) as late:
            assert await late.request() == 200
        assert not any([await each.is_at_end() for each in followers])


async def test_a_connection_above_the_limit_has_little_time(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEALTH_ONLY_SECONDS", 0.1)
    async with (
        serve_on_loopback(app, ClientConnections(1)) as base,
        open_connections(base, 1, FOLLOW),
        connect(base) as unused,
    ):
        assert await unused.is_closed()


async def test_keep_alive_is_short_while_connections_are_scarce(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CROWDED_KEEP_ALIVE_SECONDS", 0.1)
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, LIMIT - 3, LIVE) as held,
    ):
        assert not await held[0].is_closed()
        assert await held[-1].is_closed()


async def test_an_address_has_a_limit_of_its_own(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_connections, "MAX_CONNECTIONS_PER_ADDRESS", 4)
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT, NO_PROXY)) as base,
        open_connections(base, 2, LIVE) as others,
        open_connections(base, 10, LIVE, STRANGER) as held,
    ):
        assert [await each.is_closed() for each in held] == [True] * 6 + [False] * 4
        assert not any([await each.is_closed() for each in others])


def test_an_address_whose_connections_are_all_busy_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_connections, "MAX_CONNECTIONS_PER_ADDRESS", 4)
    clients = ClientConnections(LIMIT, NO_PROXY)
    busy = [clients.open(STRANGER, lambda: None) for _ in range(4)]
    for each in busy:
        assert each
        each.enter(Phase.BUSY)
    assert clients.open(STRANGER, lambda: None) is None
    assert clients.open("127.0.0.10", lambda: None)
    assert busy[0]
    busy[0].enter(Phase.MEMBER)
    assert clients.open(STRANGER, lambda: None), "people behind one address are not limited by it"


async def test_a_refused_connection_gets_a_response(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_connections, "MAX_CONNECTIONS_PER_ADDRESS", 0)
    clients = ClientConnections(LIMIT, NO_PROXY)
    first = clients.open("127.0.0.1", lambda: None)
    assert first
    first.enter(Phase.BUSY)
    async with serve_on_loopback(app, clients) as base, connect(base) as refused:
        assert await refused.read_status() == 503
        assert await refused.is_closed()


def test_an_address_of_ipv6_is_its_network() -> None:
    clients = ClientConnections(4, NO_PROXY)
    for number in range(2):
        connection = clients.open(f"2001:db8::{number}", lambda: None)
        assert connection
        connection.enter(Phase.BUSY)
    assert clients.open("2001:db8::ffff", lambda: None) is None
    assert clients.open("2001:db8:0:1::1", lambda: None)


async def test_a_trusted_proxy_has_no_limit(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_connections, "MAX_CONNECTIONS_PER_ADDRESS", 4)
    async with (
        serve_on_loopback(app, ClientConnections(LIMIT)) as base,
        open_connections(base, 10, LIVE, STRANGER) as held,
    ):
        assert not any([await each.is_closed() for each in held])
