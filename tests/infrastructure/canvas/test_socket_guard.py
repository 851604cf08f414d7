import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from aiohttp import ClientError
from aiohttp.abc import AbstractResolver, ResolveResult
from structlog.testing import capture_logs
from yarl import URL

from domain.errors import CanvasUnreachable
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.sessions import ClientSessions
from infrastructure.canvas.socket_guard import (
    AddressNotAllowed,
    is_allowed_private_address,
    is_metadata_address,
    is_public_address,
    open_private_socket,
    open_public_socket,
)
from tests.infrastructure.canvas.fake_servers import FAST_LIMITS, TOKEN, open_forbidden_server

NON_PUBLIC_ADDRESSES = [
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
PUBLIC_ADDRESSES = [
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::",
    "52.1.2.3",
]


def address_info(host: str, scope: int = 0) -> tuple[int, int, int, str, tuple[str | int, ...]]:
    if ":" in host:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, 443, 0, scope)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)


@pytest.mark.parametrize("address", NON_PUBLIC_ADDRESSES)
def test_a_non_public_address_gets_no_socket(address: str) -> None:
    assert not is_public_address(address)
    with pytest.raises(AddressNotAllowed):
        open_public_socket(address_info(address))


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_a_public_address_gets_a_socket(address: str) -> None:
    assert is_public_address(address)
    open_public_socket(address_info(address)).close()


def test_a_scoped_socket_address_is_refused() -> None:
    with pytest.raises(AddressNotAllowed):
        open_public_socket(address_info("2606:4700::1111", scope=2))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "fd12::1", "8.8.8.8"])
def test_an_allowed_private_host_may_be_loopback_or_private(address: str) -> None:
    assert is_allowed_private_address(address)
    open_private_socket(address_info(address)).close()


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd00:ec2::253", "fd20:ce::254", "fd00:c1::a9fe:a9fe"),
        *("fd00:42::42", "fe80::1", "fe80::1%eth0", "fd00:ec2::254%eth0", "fd12::a9fe:a9fe"),
        *("::ffff:169.254.169.254", "::ffff:100.100.100.200", "::169.254.169.254"),
        *("2002:a9fe:a9fe::", "2002:a9fe:a9fe::1", "2002:6464:64c8::1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b::6464:64c8", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1::1"),
        *("2001:0:a9fe:a9fe::1", "2001::5601:5601"),
    ],
)
def test_metadata_addresses_are_refused_even_for_private_hosts(address: str) -> None:
    assert is_metadata_address(address)
    assert not is_public_address(address)
    assert not is_allowed_private_address(address)
    with pytest.raises(AddressNotAllowed):
        open_private_socket(address_info(address))


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "::", "224.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "x"],  # noqa: S104  # refused
)
def test_other_addresses_that_no_private_host_has_are_refused(address: str) -> None:
    assert not is_metadata_address(address)
    assert not is_allowed_private_address(address)


class RebindingResolver(AbstractResolver):
    """Returns another address for each lookup, as in a DNS rebinding attack."""

    def __init__(self, addresses: Iterator[str]) -> None:
        self._addresses = addresses
        self.lookups = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.lookups += 1
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
async def test_no_spelling_of_loopback_passes_the_guard(host: str) -> None:
    sessions = ClientSessions(FAST_LIMITS, None, None)
    sessions.open()
    async with open_forbidden_server() as forbidden:
        with suppress(ClientError):
            await sessions.get(private=False).get(URL(f"http://{host}:{forbidden.port}/"))
            pytest.fail("the guard allowed the connection")
        await sessions.close()
        assert forbidden.connections == 0


async def test_the_forbidden_server_is_reachable_without_the_guard() -> None:
    sessions = ClientSessions(FAST_LIMITS, None, None)
    sessions.open()
    async with open_forbidden_server() as forbidden:
        with pytest.raises(ClientError):
            await sessions.get(private=True).get(URL(f"http://127.0.0.1:{forbidden.port}/"))
        await sessions.close()
        assert forbidden.connections > 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_only_the_log_shows_that_a_name_resolves_to_loopback(address: str) -> None:
    resolver = RebindingResolver(iter([address]))
    async with CanvasClient(["*"], limits=FAST_LIMITS, resolver=resolver) as canvas:
        with capture_logs() as lines, pytest.raises(CanvasUnreachable, match="did not") as raised:
            await canvas.fetch_user("https://canvas.school.edu", TOKEN)
    assert "public" not in raised.value.detail
    assert [line for line in lines if "CANVAS_ALLOW_PRIVATE" in line.get("reason", "")]
    assert resolver.lookups == 1


async def test_a_rebound_name_is_refused_at_the_second_lookup() -> None:
    async with open_forbidden_server() as forbidden:
        addresses = ["8.8.8.8", *(["127.0.0.1"] * 9)]
        resolver = RebindingResolver(iter(addresses))
        assert (await resolver.resolve("canvas.school.edu"))[0]["host"] == "8.8.8.8"
        sessions = ClientSessions(FAST_LIMITS, resolver, None)
        sessions.open()
        with pytest.raises(ClientError):
            await sessions.get(private=False).get(
                URL(f"http://canvas.school.edu:{forbidden.port}/")
            )
        await sessions.close()
        assert forbidden.connections == 0
