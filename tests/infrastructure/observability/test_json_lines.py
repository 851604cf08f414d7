"""The messages of requests, which are written without structlog, are those of structlog."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from infrastructure.observability import redaction
from infrastructure.observability.json_lines import json_line_handler
from infrastructure.observability.logging import configure_logging
from interfaces.http.middleware import access_log
from interfaces.http.middleware.access_log import RequestLog
from tests.infrastructure.observability.test_logging import CALENDAR_SECRET, CANVAS_TOKEN, JWT

REQUEST_ID = "3f7f9a39-9f1c-4ee9-ae4c-0c44d5a0b2d1"
SCOPE = {"method": "GET", "path": "/api/v1/canvas/courses"}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("info", "json")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def write(path: str = SCOPE["path"], method: str = "GET", request_id: str = REQUEST_ID) -> None:
    context = {"request_id": request_id, "trace_id": "0a" * 16, "span_id": "0b" * 8}
    with structlog.contextvars.bound_contextvars(**context):
        RequestLog().write({"method": method, "path": path}, "ada", 200, 0.0012345)


def test_both_encoders_write_the_same_fields(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    monkeypatch.setattr(access_log, "json_line_handler", lambda: None)
    write()
    ours, structlogs = lines_of(log)
    assert ours.keys() == structlogs.keys()
    assert str(ours.pop("at"))[:10] == str(structlogs.pop("at"))[:10]
    assert ours == structlogs
    assert ours["milliseconds"] == 1.2


def test_the_time_is_rfc_3339_in_utc(log: io.StringIO) -> None:
    write()
    [line] = lines_of(log)
    assert line["at"].endswith("Z")
    assert len(line["at"]) >= len("2026-09-01T05:59:59Z")


@pytest.mark.parametrize(
    ("path", "request_id"),
    [
        (f"/x/{CANVAS_TOKEN}", REQUEST_ID),
        (f"/calendar/{CALENDAR_SECRET}.ics", REQUEST_ID),
        (f"/x?access_token={CANVAS_TOKEN}", REQUEST_ID),
        ("/x", JWT),
        ("/x", CALENDAR_SECRET),
    ],
)
def test_what_a_client_sent_is_redacted(log: io.StringIO, path: str, request_id: str) -> None:
    write(path=path, request_id=request_id)
    for secret in (CANVAS_TOKEN, CALENDAR_SECRET, JWT):
        assert secret not in log.getvalue()
    assert redaction.REDACTED in log.getvalue()


def test_a_password_of_hexadecimal_digits_is_hidden(log: io.StringIO) -> None:
    redaction.hide_secret("0123456789abcdef")
    write(request_id="0123456789abcdef")
    assert "0123456789abcdef" not in log.getvalue()


@pytest.mark.parametrize("path", ["/\x1b[2J", "/\x7f", "/\x9b31m", "/\u202e", "/\u00e9", "/\n{}"])
def test_no_character_that_a_terminal_obeys_is_written(log: io.StringIO, path: str) -> None:
    write(path=path)
    [line] = lines_of(log)
    assert line["path"] == path
    assert log.getvalue().rstrip("\n").isprintable()
    assert log.getvalue().isascii()


def test_an_unknown_method_is_redacted_too(log: io.StringIO) -> None:
    write(method=JWT)
    assert JWT not in log.getvalue()


def test_the_level_is_obeyed(log: io.StringIO) -> None:
    RequestLog().write({"method": "GET", "path": "/health/live"}, None, 200, 0.1)
    logging.getLogger().setLevel("ERROR")
    write()
    assert log.getvalue() == ""


def test_lines_keep_their_order(log: io.StringIO) -> None:
    logger = structlog.get_logger()
    for number in range(20):
        logger.info("before", number=number)
        write()
    assert [line["event"] for line in lines_of(log)] == ["before", "request"] * 20


def test_a_stream_that_is_closed_fails_no_request(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.close()
    write()


def test_a_terminal_has_no_json(monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> None:
    monkeypatch.setattr("sys.stderr", log)
    configure_logging("info", "console")
    assert json_line_handler() is None
    write()
    assert "request" in log.getvalue()
    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        lines_of(log)
