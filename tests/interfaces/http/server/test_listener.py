import socket

import pytest

from interfaces.http.server.listener import PortUnavailable, listen, url_of

IPV4 = "0.0.0.0"  # noqa: S104  # the tests are about it
HAS_IPV6 = socket.has_dualstack_ipv6()


def can_connect(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "ipv4", "ipv6"),
    [
        ("::", True, True),
        ("[::]", True, True),
        ("*", True, True),
        ("", True, True),
        ("localhost", True, None),
        (IPV4, True, False),
        ("127.0.0.1", True, False),
        ("::1", False, True),
        ("[::1]", False, True),
    ],
)
def test_a_host_is_reached_by_the_families_that_it_means(
    host: str, *, ipv4: bool, ipv6: bool | None
) -> None:
    if ipv6 is None:  # it depends on /etc/hosts
        ipv6 = any(
            family == socket.AF_INET6
            for family, *_ in socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)
        )
    with listen(host, 0) as listener:
        assert can_connect("127.0.0.1", listener.port) == ipv4
        assert can_connect("::1", listener.port) == (ipv6 and HAS_IPV6)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:{port}"),
        ("::1", "http://[::1]:{port}"),
        ("::", "http://[::]:{port}"),
        (IPV4, "http://0.0.0.0:{port}"),
        ("localhost", "http://127.0.0.1:{port}"),
    ],
)
def test_a_listener_has_a_url(host: str, url: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener) == url.format(port=listener.port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "localhost", ""])
@pytest.mark.parametrize("option", ["--port", "METRICS_PORT"])
def test_a_port_in_use_is_named_with_its_setting(host: str, option: str) -> None:
    with listen(host, 0) as listener:
        port = listener.port
        with pytest.raises(PortUnavailable) as refused:
            listen(host, port, option=option)
    assert str(refused.value) == (
        f"Cannot listen on {host or '*'}:{port} (Address already in use); "
        f"choose another port with {option}."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_named_with_its_setting(host: str) -> None:
    with pytest.raises(PortUnavailable, match=rf"{host}.*--host"):
        listen(host, 0)


def test_a_family_whose_port_is_in_use_is_not_left_out() -> None:
    """Otherwise one half of the clients would reach another program."""
    with listen(IPV4, 0) as other, pytest.raises(PortUnavailable):
        listen("::", other.port)
