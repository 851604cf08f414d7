import pytest

from domain.errors import CanvasUrlNotAllowed
from infrastructure.canvas.host_policy import Hosts

USUAL = Hosts(["*.instructure.com"], [])
ANY = Hosts(["*"], [])
SANDBOX = Hosts(["*.instructure.com"], ["127.0.0.1:9001", "localhost:9002", "[::1]:9003"])


@pytest.mark.parametrize(
    "url",
    [
        "https://school.instructure.com",
        "https://school.instructure.com/",
        "https://school.instructure.com:443",
        "https://SCHOOL.Instructure.COM.",
        "school.instructure.com",
        "  school.instructure.com/\n",
        "HTTPS://school.instructure.com/?",
    ],
)
def test_a_canvas_is_known_by_its_origin(url: str) -> None:
    assert USUAL.origin(url) == "https://school.instructure.com"


def test_a_pattern_reaches_any_depth_of_labels() -> None:
    assert USUAL.origin("https://school.beta.instructure.com").endswith(
        "school.beta.instructure.com"
    )


@pytest.mark.parametrize(
    "host",
    [
        "instructure.com",
        "evilinstructure.com",
        "school.instructure.com.evil",
        "school.instructure.com.evil.example",
        "instructure.com.evil",
        "canvas.school.edu",
        "school-instructure.com",
        "schoolxinstructure.com",
    ],
)
def test_another_host_is_refused_and_the_setting_named(host: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="CANVAS_ALLOWED_HOSTS"):
        USUAL.origin(f"https://{host}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "http://school.instructure.com",
        "ftp://school.instructure.com",
        "javascript:alert(1)",
        "https://school.instructure.com:8443",
        "https://school.instructure.com:port",
        "https://school.instructure.com:99999",
        "https://me@school.instructure.com",
        "https://school.instructure.com@evil.example",
        "https://evil.example#@school.instructure.com",
        "https://evil.example\\@school.instructure.com",
        "https://evil.example%2f.instructure.com",
        "https://evil.example%00.instructure.com",
        "https://school.instructure.com/courses/1",
        "https://school.instructure.com/?a=1",
        "https://school.instructure.com/#top",
        "https://school.instr ucture.com",
        "https://school.instr\tucture.com",
        "https://school.instructure.com\r\nHost: evil",
        "https://-school.instructure.com",
        "https://..instructure.com",
        "https://.instructure.com",
        "https://a℀b.instructure.com",
        "https://[::1",
        "https://" + "a" * 300 + ".instructure.com",
    ],
)
@pytest.mark.parametrize("hosts", [USUAL, ANY])
def test_anything_but_a_bare_https_host_is_refused(hosts: Hosts, url: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed):
        hosts.origin(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "intranet",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "127。0。0。1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
    ],
)
def test_no_pattern_opens_up_a_host_that_is_not_public(host: str) -> None:
    for hosts in (ANY, Hosts([host.strip("[]")], [])):
        with pytest.raises(CanvasUrlNotAllowed):
            hosts.origin(f"https://{host}")


def test_a_star_allows_any_public_host() -> None:
    assert ANY.origin("canvas.school.edu") == "https://canvas.school.edu"
    assert ANY.origin("https://8.8.8.8") == "https://8.8.8.8"
    assert ANY.origin("https://[2606:4700:0:0::1111]") == "https://[2606:4700::1111]"


def test_hosts_are_compared_as_they_go_over_the_wire() -> None:
    hosts = Hosts([" *.MÜNCHEN.example. ", "straße.example"], [])
    assert hosts.origin("https://Canvas.München.example") == "https://canvas.xn--mnchen-3ya.example"
    assert hosts.origin("straße.example") == "https://xn--strae-oqa.example"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("https://127.0.0.1:9001/", "https://127.0.0.1:9001"),
        ("localhost:9002", "http://localhost:9002"),
        ("http://[0:0::1]:9003", "http://[::1]:9003"),
    ],
)
def test_a_private_place_may_be_opened_up_by_host_and_port(url: str, origin: str) -> None:
    assert SANDBOX.origin(url) == origin
    assert SANDBOX.is_private(origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9002",
        "http://127.0.0.1",
        "http://127.0.0.2:9001",
        "http://localhost:9001",
        "http://me@127.0.0.1:9001",
        "http://127.0.0.1:9001/path",
        "http://0x7f000001:9001",
    ],
)
def test_only_the_very_host_and_port_are_opened_up(url: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed):
        SANDBOX.origin(url)


@pytest.mark.parametrize("entry", ["localhost", "host:port", "http://localhost:9001", ":9001"])
def test_a_setting_without_host_and_port_is_refused_at_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="CANVAS_ALLOW_PRIVATE"):
        Hosts([], [entry])


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://localhost:18801", "localhost:18801"),
        ("https://localhost:18801", "localhost:18801"),
        ("localhost:18801/", "localhost:18801"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://10.0.0.1", "10.0.0.1:443"),
        ("http://[0:0::1]:9004", "[::1]:9004"),
        ("http://sandbox:8000", "sandbox:8000"),
    ],
)
def test_a_private_place_is_refused_with_the_setting_that_opens_it(url: str, place: str) -> None:
    for hosts in (USUAL, ANY, SANDBOX):
        with pytest.raises(CanvasUrlNotAllowed, match="CANVAS_ALLOW_PRIVATE") as refused:
            hosts.origin(url)
        assert f"CANVAS_ALLOW_PRIVATE={place} " in f"{refused.value} "
    assert Hosts([], [place]).origin(url)


def test_http_on_the_public_internet_is_refused_with_both_ways_out() -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="over https") as refused:
        ANY.origin("http://canvas.example.edu")
    assert "CANVAS_ALLOW_PRIVATE" in str(refused.value)
    assert "CANVAS_ALLOW_PRIVATE=" not in str(refused.value)
