"""A password may have any characters, escaped or not, and URLs mean what libpq takes them for."""

import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from redis.asyncio.connection import parse_url as parse_redis_client_url

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.settings.database_url import decode, parse_libpq_url
from infrastructure.settings.settings import read_settings

PRINTABLE = "".join(sorted(set(string.printable) - set(string.whitespace))) + "äß日🔑"
PASSWORDS = st.text(st.sampled_from(PRINTABLE + "@:/?#%" * 4), min_size=1, max_size=30)
RESTS = (
    "127.0.0.1:1/easeboard",
    "db.example.org/easeboard?sslmode=require",
    "one:5432,two:5433/easeboard?target_session_attrs=read-write",
    "[2001:db8::1]:5432/easeboard",
    "/easeboard?host=/var/run/postgresql",
    "%2Fvar%2Frun%2Fpostgresql/easeboard",
    "host",
)


def configured(address: str) -> dict[str, str]:
    """The parameters with which libpq connects if DATABASE_URL is this address."""
    url = read_settings(_env_file=None, database_url=address).database_url
    assert url
    parameters = conninfo_to_dict(build_conninfo(url.get_secret_value(), name="test"))
    # A program of PostgreSQL that is given the address finds the same.
    assert conninfo_to_dict(url.get_secret_value())["password"] == parameters["password"]
    return {name: str(value) for name, value in parameters.items()}


@given(PASSWORDS, st.sampled_from(RESTS))
def test_a_password_may_have_any_characters(password: str, rest: str) -> None:
    escaped = configured(f"postgresql://easeboard:{quote(password, safe='')}@{rest}")
    assert (escaped["user"], escaped["password"]) == ("easeboard", password)
    # A valid %XX of a raw password is decoded: its percent sign must be escaped.
    assume(decode(password) == password)
    raw = configured(f"postgresql://easeboard:{password}@{rest}")
    assert raw == escaped


@given(PASSWORDS)
def test_a_redis_password_may_have_any_characters(password: str) -> None:
    assume(decode(password) == password)
    for scheme, rest in (("redis", "127.0.0.1:1/3"), ("rediss", "redis"), ("unix", "/run/redis")):
        for address in (
            f"{scheme}://:{password}@{rest}",
            f"{scheme}://me:{quote(password, safe='')}@{rest}",
        ):
            url = read_settings(_env_file=None, redis_url=address).redis_url
            assert url
            assert parse_redis_client_url(url.get_secret_value())["password"] == password


@pytest.mark.parametrize(
    ("password", "meant"),
    [
        ("head@tail7421", "head@tail7421"),
        ("a%40b", "a@b"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ("%00nul", "%00nul"),
        ("latin%e9", "latin%e9"),
        ("caf%C3%A9", "café"),
        ("?user=postgres", "?user=postgres"),
        ("/other?x=@", "/other?x=@"),
        ("@", "@"),
    ],
)
def test_what_a_password_means(password: str, meant: str) -> None:
    parameters = configured(f"postgresql://u:{password}@host:5433/db")
    assert parameters["password"] == meant
    assert [parameters[name] for name in ("user", "host", "port", "dbname")] == [
        "u", "host", "5433", "db",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://localhost",
        "postgresql://user@",
        "postgresql:///db?host=/tmp&port=6000",
        "postgresql://u:p@[::1]:5432,[fe80::1]/db",
        "postgres://u@h1:5432,h2:5433/db?target_session_attrs=any",
        "postgresql://h1,h2:5433/db",
        "postgresql://%2Fvar%2Frun/db%20name",
        "postgresql://u@h/d?application_name=a@b",
        "postgresql://h/db?user=me@realm&password=x%40%2Fy",
        "postgresql://h/d?ssl=true",
        "postgresql://u:p%40@h/d?connect_timeout=9&options=-c%20search_path%3Dx",
    ],
)
def test_a_url_without_raw_characters_means_what_libpq_takes_it_for(url: str) -> None:
    libpq = conninfo_to_dict(url)
    assert parse_libpq_url(url) == {
        name: value for name, value in libpq.items() if value is not None
    }
