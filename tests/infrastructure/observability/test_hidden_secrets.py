"""No text of another program shows a password, whatever characters it has."""

import io
import logging
import re
import string
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
import structlog
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infrastructure.all_migrations import missing_migrations
from infrastructure.observability.logging import configure_logging
from infrastructure.observability.redaction import REDACTED, hide_secret, redact_text
from infrastructure.postgres.errors import PostgresUnavailable
from infrastructure.settings.database_url import decode
from infrastructure.settings.settings import read_settings
from interfaces.cli.errors import describe_in_one_line
from tests.hidden_secrets import forget_secrets

PRINTABLE = "".join(sorted(set(string.printable) - set(string.whitespace)))
PASSWORDS = st.text(st.sampled_from(PRINTABLE + "@:/?#%" * 4), min_size=4, max_size=30)
JWT_SECRET = "Zk3pXq8Lw0vT5nR2mYc9JdG1hSe4U7aB"
PUBLIC = "postgresql://easeboard@127.0.0.1:1/easeboard"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("info", "json")
    yield stream
    logging.getLogger().handlers.clear()
    structlog.reset_defaults()


def failure_at(url: str) -> str:
    """What a command prints if the server of DATABASE_URL cannot be reached."""
    forget_secrets()
    address = read_settings(_env_file=None, database_url=url).database_url
    assert address
    try:
        missing_migrations(address.get_secret_value())
    except PostgresUnavailable as error:
        return describe_in_one_line(error)
    raise AssertionError("there is a server")


def shared_parts(password: str, text: str, *, length: int = 4) -> set[str]:
    """The parts of a password that a text has."""
    parts = {password[at : at + length] for at in range(len(password) - length + 1)}
    return {part for part in parts if part in text}


@given(PASSWORDS)
@settings(max_examples=40)
def test_a_server_that_cannot_be_reached_does_not_show_the_password(password: str) -> None:
    without = failure_at(PUBLIC)
    for written in (quote(password, safe=""), password):
        assume(written != password or decode(password) == password)
        text = failure_at(PUBLIC.replace("easeboard@", f"easeboard:{written}@"))
        assert not shared_parts(password, text) - shared_parts(password, without)
        assert "Connection refused" in text


@given(PASSWORDS, st.sampled_from(["{}", "x{}y", "p://u:{}@h", "u={} h=h"]))
def test_a_library_that_takes_a_part_of_the_password_for_a_host_does_not_show_it(
    password: str, message: str
) -> None:
    forget_secrets()
    hide_secret(password)
    for form in (password, quote(password, safe="")):
        for start in (form, *form.split("@"), *form.split("/"), *form.split(":")):
            if len(start) >= 4 and len(re.findall(r"\W", form)) <= 12:
                assert start not in redact_text(message.format(start))


def test_the_message_of_libpq_for_a_misread_password_is_redacted() -> None:
    read_settings(_env_file=None, database_url="postgresql://easeboard:head@tail7421@db/easeboard")
    with pytest.raises(psycopg.OperationalError) as error:
        psycopg.connect("postgresql://easeboard:head@tail7421@127.0.0.1:1/easeboard")
    assert "tail7421" in str(error.value)
    assert "tail7421" not in describe_in_one_line(error.value)
    assert "head" not in describe_in_one_line(error.value).replace(REDACTED, "")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("database_url", "postgresql://me:p4ss@w0rd/x@db/app", ["p4ss", "w0rd", "p4ss%40w0rd"]),
        ("database_url", "postgresql://db/app?password=p4ss%26w0rd", ["p4ss&w0rd", "p4ss%26w0rd"]),
        ("redis_url", "redis://:s3cr/3t4x@redis:6379/0", ["s3cr", "3t4x", "s3cr%2F3t4x"]),
        ("canvas_encryption_key", "k2=hex:00aa11bb,k1=base64:Zm9v", ["00aa11bb", "Zm9v"]),
        ("supabase_jwt_secret", JWT_SECRET, [JWT_SECRET]),
    ],
)  # fmt: skip
def test_every_secret_of_the_settings_is_hidden_in_logs(
    name: str, value: str, shown: list[str], log: io.StringIO
) -> None:
    read_settings(_env_file=None, **{name: value})
    for text in shown:
        structlog.get_logger().warning("pool_failed", reason=f"cannot resolve host {text!r}")
        logging.getLogger("psycopg.pool").warning("error connecting to %s", text)
        logging.getLogger("redis").error("failed", exc_info=OSError(text))
        assert text not in log.getvalue()
    assert log.getvalue().count(REDACTED) >= 3 * len(shown)


def test_what_an_address_shows_anyway_is_not_hidden() -> None:
    read_settings(
        _env_file=None, database_url="postgresql://easeboard:easeboard@postgres:5432/easeboard"
    )
    message = 'connection to "postgres" failed for user "easeboard": easeboard migrate'
    assert redact_text(message) == message


def test_a_password_that_is_a_level_hides_no_level(log: io.StringIO) -> None:
    read_settings(_env_file=None, database_url="postgresql://me:warning@db/app")
    structlog.get_logger().warning("something", reason="warning")
    assert '"level": "warning"' in log.getvalue()
    assert f'"reason": "{REDACTED}"' in log.getvalue()
