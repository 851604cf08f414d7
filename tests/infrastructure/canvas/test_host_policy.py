import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from domain.errors import CanvasUrlNotAllowed
from infrastructure.canvas.host_policy import HostPolicy

DEFAULT_POLICY = HostPolicy(["*.instructure.com"], [])
ANY_PUBLIC_HOST = HostPolicy(["*"], [])
WITH_PRIVATE_HOSTS = HostPolicy(
    ["*.instructure.com"], ["127.0.0.1:9001", "localhost:9002", "[::1]:9003"]
)


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
        "http://school.instructure.com",
        "http://school.instructure.com:80/login",
        "http://school.instructure.com:443",
    ],
)
def test_an_address_is_normalised_to_its_origin(url: str) -> None:
    assert DEFAULT_POLICY.allowed_origin(url) == "https://school.instructure.com"


def test_a_pattern_matches_any_depth_of_labels() -> None:
    assert DEFAULT_POLICY.allowed_origin("https://school.beta.instructure.com").endswith(
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
def test_a_host_that_is_not_allowed_is_refused_naming_the_setting(host: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="CANVAS_ALLOWED_HOSTS"):
        DEFAULT_POLICY.allowed_origin(f"https://{host}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://school.instructure.com",
        "canvas-courses://school.instructure.com/courses/1",
        "javascript:alert(1)",
        "mailto:me@school.instructure.com",
        "http://school.instructure.com:8080",
        "https://school.instructure.com:80",
        "https://school.instructure.com:8443",
        "https://school.instructure.com:port",
        "https://school.instructure.com:99999",
        "https://me@school.instructure.com",
        "https://school.instructure.com@evil.example",
        "https:school.instructure.com@evil.example",
        "https://https://school.instructure.com@evil.example",
        "https:\\\\school.instructure.com",
        "https:/\\school.instructure.com",
        "https://school.instructure.com evil.example",
        "https://school.instructure.com\u00a0evil.example",
        "https://evil.example\\@school.instructure.com",
        "https://evil.example%2f.instructure.com",
        "https://evil.example%00.instructure.com",
        "https://school.instr ucture.com",
        "https://school.instr\tucture.com",
        "https://school.instructure.com\r\nHost: evil",
        "https://-school.instructure.com",
        "https://..instructure.com",
        "https://.instructure.com",
        "https://a℀b.instructure.com",
        "https://xn--a.instructure.com",
        "https://XN--A.instructure.com",
        "https://school.xn--.instructure.com",
        "https://xn--abc-.instructure.com",
        "https://xn--zz--a.instructure.com",
        "https://xn--\u0301a.instructure.com",
        "https://[v1.a]",
        "https://[v1.a.instructure.com]",
        "https://[school.instructure.com]",
        "https://" + ".".join(["a" * 60] * 4) + ".instructure.com",
        "https://[::1",
        "https://" + "a" * 300 + ".instructure.com",
    ],
)
@pytest.mark.parametrize("policy", [DEFAULT_POLICY, ANY_PUBLIC_HOST])
def test_an_address_without_a_plain_host_is_refused(policy: HostPolicy, url: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed):
        policy.allowed_origin(url)


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
def test_no_pattern_allows_a_host_that_is_not_public(host: str) -> None:
    for policy in (ANY_PUBLIC_HOST, HostPolicy([host.strip("[]")], [])):
        with pytest.raises(CanvasUrlNotAllowed):
            policy.allowed_origin(f"https://{host}")


def test_a_single_star_allows_any_public_host() -> None:
    assert ANY_PUBLIC_HOST.allowed_origin("canvas.school.edu") == "https://canvas.school.edu"
    assert ANY_PUBLIC_HOST.allowed_origin("https://8.8.8.8") == "https://8.8.8.8"
    assert (
        ANY_PUBLIC_HOST.allowed_origin("https://[2606:4700:0:0::1111]")
        == "https://[2606:4700::1111]"
    )


def test_host_names_are_compared_in_their_ascii_form() -> None:
    policy = HostPolicy([" *.MÜNCHEN.example. ", "straße.example"], [])
    assert (
        policy.allowed_origin("https://Canvas.München.example")
        == "https://canvas.xn--mnchen-3ya.example"
    )
    assert policy.allowed_origin("straße.example") == "https://xn--strae-oqa.example"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("https://127.0.0.1:9001/", "https://127.0.0.1:9001"),
        ("localhost:9002", "http://localhost:9002"),
        ("http://[0:0::1]:9003", "http://[::1]:9003"),
        ("http://127.0.0.1:9001/courses/1?a=b#c", "http://127.0.0.1:9001"),
        ("[::1]:9003/login", "http://[::1]:9003"),
        ("localhost:9002/api/v1", "http://localhost:9002"),
    ],
)
def test_a_private_host_can_be_allowed_by_host_and_port(url: str, origin: str) -> None:
    assert WITH_PRIVATE_HOSTS.allowed_origin(url) == origin
    assert WITH_PRIVATE_HOSTS.is_private(origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9002",
        "http://127.0.0.1",
        "http://127.0.0.2:9001",
        "http://localhost:9001",
        "http://me@127.0.0.1:9001",
        "http://0x7f000001:9001",
    ],
)
def test_only_the_exact_private_host_and_port_are_allowed(url: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed):
        WITH_PRIVATE_HOSTS.allowed_origin(url)


@pytest.mark.parametrize("entry", ["localhost", "host:port", "http://localhost:9001", ":9001"])
def test_a_private_host_setting_without_port_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="CANVAS_ALLOW_PRIVATE"):
        HostPolicy([], [entry])


@pytest.mark.parametrize(
    ("url", "host_and_port"),
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
def test_a_private_host_is_refused_naming_the_setting_that_allows_it(
    url: str, host_and_port: str
) -> None:
    for policy in (DEFAULT_POLICY, ANY_PUBLIC_HOST, WITH_PRIVATE_HOSTS):
        with pytest.raises(CanvasUrlNotAllowed, match="CANVAS_ALLOW_PRIVATE") as raised:
            policy.allowed_origin(url)
        assert f"CANVAS_ALLOW_PRIVATE={host_and_port} " in f"{raised.value} "
    assert HostPolicy([], [host_and_port]).allowed_origin(url)


def test_another_scheme_is_refused_with_a_hint() -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="over https"):
        ANY_PUBLIC_HOST.allowed_origin("ftp://canvas.example.edu")


def test_what_stands_before_the_path_decides_the_host() -> None:
    address = "https://evil.example#@school.instructure.com"
    assert ANY_PUBLIC_HOST.allowed_origin(address) == "https://evil.example"
    with pytest.raises(CanvasUrlNotAllowed, match=r"evil\.example is not an allowed"):
        DEFAULT_POLICY.allowed_origin(address)


@given(
    st.text(st.sampled_from("xna-0.1é☃ß[]:%v@") | st.characters(), max_size=20)
    | st.from_regex(r"xn--[a-z0-9-]{0,9}", fullmatch=True)
)
def test_the_client_can_use_every_host_that_is_allowed(host: str) -> None:
    for url in (host, f"{host}.instructure.com", f"https://[{host}]", f"{host}:443"):
        try:
            origin = URL(ANY_PUBLIC_HOST.allowed_origin(url))
        except CanvasUrlNotAllowed:
            continue
        assert origin.host
        assert origin.raw_host
        assert origin.raw_host.encode("idna")


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd00:ec2::253]",
        "[fd20:ce::254]",
        "[::ffff:169.254.169.254]",
        "[::ffff:100.100.100.200]",
        "[2002:a9fe:a9fe::1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::169.254.169.254]",
    ],
)
def test_no_setting_allows_an_address_of_metadata(host: str) -> None:
    policy = HostPolicy(["*", host.strip("[]")], [f"{host}:80", f"{host}:443"])
    for url in (f"http://{host}", f"https://{host}", f"http://{host}:80"):
        with pytest.raises(CanvasUrlNotAllowed, match="no setting allows it"):
            policy.allowed_origin(url)


def test_the_length_of_a_host_name_is_limited() -> None:
    longest = ".".join(["a" * 60] * 3) + "." + "a" * 54 + ".instructure.com"
    assert len(longest) == 253
    assert DEFAULT_POLICY.allowed_origin(longest)
    with pytest.raises(CanvasUrlNotAllowed):
        DEFAULT_POLICY.allowed_origin("a" + longest)
