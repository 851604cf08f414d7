import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from aiohttp import ClientError
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from domain.errors import CanvasUnreachable
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.sessions import Sessions
from infrastructure.canvas.socket_guard import (
    AddressRefused,
    private_ip,
    private_socket,
    public_ip,
    public_socket,
)
from tests.infrastructure.canvas.fake_servers import QUICK, TOKEN, trap

NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104  # an address that must be refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "localhost",
    "2130706433",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::", "52.1.2.3"]


def address_of(host: str, scope: int = 0) -> tuple[int, int, int, str, tuple[str | int, ...]]:
    if ":" in host:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, 443, 0, scope)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_gets_no_socket(address: str) -> None:
    assert not public_ip(address)
    with pytest.raises(AddressRefused):
        public_socket(address_of(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_gets_a_socket(address: str) -> None:
    assert public_ip(address)
    public_socket(address_of(address)).close()


def test_a_scope_in_the_socket_address_is_refused() -> None:
    with pytest.raises(AddressRefused):
        public_socket(address_of("2606:4700::1111", scope=2))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "fd12::1", "8.8.8.8"])
def test_a_private_place_may_be_loopback_or_private(address: str) -> None:
    assert private_ip(address)
    private_socket(address_of(address)).close()


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "x"],  # noqa: S104  # refused
)
def test_metadata_stays_shut_even_where_private_places_are_open(address: str) -> None:
    assert not private_ip(address)


class Flipping(AbstractResolver):
    """Answers with each address in turn: a name that is rebound between two looks."""

    def __init__(self, addresses: Iterator[str]) -> None:
        self._addresses = addresses
        self.looks = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.looks += 1
        address = next(self._addresses)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=6, flags=0)
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",  # noqa: S104  # an address that must be refused
        "[::]",
    ],
)
async def test_no_way_of_writing_loopback_leads_through_the_guard(host: str) -> None:
    sessions = Sessions(QUICK, None, None)
    sessions.open()
    async with trap() as sprung:
        with suppress(ClientError):
            await sessions.of(private=False).get(URL(f"http://{host}:{sprung.port}/"))
            pytest.fail("the guard let it through")
        await sessions.close()
        assert sprung.visits == 0


async def test_the_trap_itself_works() -> None:
    sessions = Sessions(QUICK, None, None)
    sessions.open()
    async with trap() as sprung:
        with pytest.raises(ClientError):
            await sessions.of(private=True).get(URL(f"http://127.0.0.1:{sprung.port}/"))
        await sessions.close()
        assert sprung.visits > 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_home_is_refused_and_the_way_out_named(address: str) -> None:
    resolver = Flipping(iter([address]))
    async with CanvasClient(["*"], limits=QUICK, resolver=resolver) as canvas:
        with pytest.raises(CanvasUnreachable, match="CANVAS_ALLOW_PRIVATE"):
            await canvas.whoami("https://canvas.school.edu", TOKEN)
    assert resolver.looks == 1


async def test_a_rebound_name_is_refused_at_the_second_look() -> None:
    async with trap() as sprung:
        addresses = ["8.8.8.8", *(["127.0.0.1"] * 9)]
        resolver = Flipping(iter(addresses))
        assert (await resolver.resolve("canvas.school.edu"))[0]["host"] == "8.8.8.8"
        sessions = Sessions(QUICK, resolver, None)
        sessions.open()
        with pytest.raises(ClientError):
            await sessions.of(private=False).get(URL(f"http://canvas.school.edu:{sprung.port}/"))
        await sessions.close()
        assert sprung.visits == 0
