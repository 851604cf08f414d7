"""Whose `X-Forwarded-*` headers count, and how a proxy that is not named is detected."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from interfaces.http.server import proxy_detector, uvicorn_server
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.listener import Listener, listen
from interfaces.http.server.proxy_detector import ProxyDetector
from interfaces.http.server.trusted_networks import TrustedNetworks

NAMED = ("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32")
PUBLIC = "93.184.216.34"
ObservedRequest = tuple[str, bytes, list[tuple[bytes, bytes]]]
FORWARDED = [(b"x-forwarded-for", b"198.51.100.7")]


async def seen_by(
    clients: ClientConnections, headers: Iterable[tuple[str, str]], host: str = "127.0.0.1"
) -> tuple[str, str]:
    """Send one request, and return the address and the scheme that the application gets."""
    app = FastAPI()

    @app.get("/")
    def show(request: Request) -> dict[str, Any]:
        return {"host": request.client and request.client.host, "scheme": request.url.scheme}

    with listen(host, 0) as listener:
        document = await _request(app, clients, listener, list(headers))
    return document["host"], document["scheme"]


async def _request(
    app: FastAPI, clients: ClientConnections, listener: Listener, headers: list[tuple[str, str]]
) -> dict[str, str]:
    server = uvicorn_server.Server(
        uvicorn_server.create_config(app, clients), closing=asyncio.Event()
    )
    task = asyncio.create_task(server.serve(listener.sockets))
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as client:
            document: dict[str, str] = (await client.get("/", headers=headers)).json()
            return document
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7, 10.1.2.3, 10.0.0.1"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["10.1.2.3, 198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, ::ffff:10.1.2.3"], "198.51.100.7"),
        (["2001:db9::1, 2001:db8::7"], "2001:db9::1"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        ([], "127.0.0.1"),
    ],
)
async def test_the_last_address_that_is_no_proxy_is_the_client(
    forwarded_for: list[str], address: str
) -> None:
    headers = [("X-Forwarded-For", value) for value in forwarded_for]
    assert (await seen_by(ClientConnections(50, NAMED), headers))[0] == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Forwarded", "for=198.51.100.7;proto=https"),
        ("X-Real-IP", "198.51.100.7"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
    ],
)
async def test_no_other_header_counts(name: str, value: str) -> None:
    assert await seen_by(ClientConnections(50, NAMED), [(name, value)]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize("is_named", [True, False])
async def test_only_a_named_proxy_decides_address_and_scheme(
    host: str, monkeypatch: pytest.MonkeyPatch, *, is_named: bool
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    clients = ClientConnections(50, NAMED if is_named else ("10.0.0.0/8",))
    headers = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https")]
    expected = ("198.51.100.7", "https") if is_named else ("127.0.0.1", "http")
    assert await seen_by(clients, headers, host) == expected


def reported(requests: Iterable[ObservedRequest]) -> list[str]:
    """Return the addresses that a detector reports for these requests."""
    hosts: list[str] = []
    detector = ProxyDetector(TrustedNetworks(NAMED), hosts.append)
    for host, path, headers in requests:
        detector.observe(host, path, headers)
    return hosts


def test_a_proxy_that_is_not_named_is_reported_once() -> None:
    with capture_logs() as lines:
        assert reported([("172.17.0.1", b"/x", FORWARDED)] * 100) == ["172.17.0.1"]
    (line,) = lines
    assert (line["event"], line["address"]) == ("untrusted_proxy", "172.17.0.1")
    assert "TRUSTED_PROXIES" in line["advice"]


def test_a_load_balancer_without_headers_is_reported_later() -> None:
    requests: list[ObservedRequest] = [("172.17.0.1", b"/x", [])] * proxy_detector.MIN_REQUESTS
    assert reported(requests[:-1]) == []
    assert reported(requests) == ["172.17.0.1"]


@pytest.mark.parametrize(
    "requests",
    [
        [("127.0.0.1", b"/x", FORWARDED)] * 2000,
        [(PUBLIC, b"/x", [])] * 2000,
        [("172.17.0.1", b"/health/ready", FORWARDED)] * 2000,
        [("172.17.0.1", b"/x", FORWARDED), (PUBLIC, b"/x", [])] * 1000,
        [("172.17.0.1", b"/x", FORWARDED), ("127.0.0.1", b"/x", FORWARDED)] * 1000,
        [("", b"/x", FORWARDED)] * 2000,
    ],
    ids=["named", "one-client", "monitoring", "also-direct", "also-named", "no-address"],
)
def test_what_is_no_unnamed_proxy_is_not_reported(
    requests: list[ObservedRequest],
) -> None:
    assert reported(requests) == []
