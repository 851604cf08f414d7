import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infrastructure.observability.logging import configure_logging
from infrastructure.observability.redaction import REDACTED, redact_value

CANVAS_TOKEN = "7~aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kM9nP2rS5uX8"
CALENDAR_SECRET = "kX3-vQ9_tL5nB1wZ7cR2mD8hJ4sF6gY0pA-eU_iOxNs"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoaXM"


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def logged_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_the_bound_context(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    with structlog.contextvars.bound_contextvars(sync_id="7"):
        structlog.get_logger("here").info("run_ended", courses=3)
    (line,) = logged_lines(capsys)
    assert str(line.pop("at")).endswith("Z")
    assert line == {
        "event": "run_ended",
        "courses": 3,
        "sync_id": "7",
        "level": "info",
        "logger": "here",
    }


def test_log_messages_of_libraries_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug")
    logging.getLogger("some.library").warning("%s of %d", "one", 2, extra={"position": 7})
    (line,) = logged_lines(capsys)
    assert (line["event"], line["level"], line["position"]) == ("one of 2", "warning", 7)


def test_nothing_below_the_level_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("procrastinate.worker").info("quiet")
    assert logged_lines(capsys) == []


def test_verbose_libraries_are_logged_from_warning_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")
    logging.getLogger("procrastinate.worker").info("quiet")
    logging.getLogger("procrastinate.worker").warning("loud")
    assert [line["event"] for line in logged_lines(capsys)] == ["loud"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_reaches_the_log(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", log_format)
    logger = structlog.get_logger()
    logger.warning(
        "refused", response=f"no {CANVAS_TOKEN}", headers={"Authorization": "Bearer abc"}
    )
    logger.warning("requested", url=f"https://canvas.example/x?access_token={CANVAS_TOKEN}&page=1")
    logger.warning("nested", items=[{"deep": (JWT,)}], api_token="plain", raw=CANVAS_TOKEN.encode())
    logging.getLogger("library").warning("got %s", {"jwt": JWT})
    try:
        int(JWT)
    except ValueError:
        logger.exception("crashed")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "page=1" in written
    for secret in (CANVAS_TOKEN, JWT, "Bearer abc", "plain"):
        assert secret not in written


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("authorization", "Basic eA==", REDACTED),
        ("access_token", "x", REDACTED),
        ("CANVAS_ENCRYPTION_KEY", "x", REDACTED),
        ("token", None, None),
        ("token_fingerprint", "1f2e3d4c", "1f2e3d4c"),
        ("header", "Bearer abc.def", f"Bearer {REDACTED}"),
        ("url", "postgresql://me:word@db/x", f"postgresql://{REDACTED}@db/x"),
        ("path", f"/calendar/{CALENDAR_SECRET}.ics", f"/calendar/{REDACTED}.ics"),
        ("path", f"/v2/Calendar/{CALENDAR_SECRET}.ics?x=1", f"/v2/Calendar/{REDACTED}.ics?x=1"),
        ("path", f"/calendar/{CALENDAR_SECRET}", f"/calendar/{REDACTED}"),
        ("path", f"/calendar/x.ics/{CALENDAR_SECRET}", f"/calendar/{REDACTED}"),
        ("path", "/calendar/short.ics/", f"/calendar/{REDACTED}"),
        ("path", f"/calendar/ {CALENDAR_SECRET}.ics", f"/calendar/ {REDACTED}.ics"),
        ("event", f"read '{CALENDAR_SECRET}'", f"read '{REDACTED}'"),
        ("event", f"read {'a' * 42}A", f"read {REDACTED}"),
        ("route", "/calendar/{secret}.ics", "/calendar/{secret}.ics"),
        ("path", "/api/v1/calendar", "/api/v1/calendar"),
        (
            "event",
            "a_name_of_a_function_with_forty_three_lette",
            "a_name_of_a_function_with_forty_three_lette",
        ),
        ("digest", f"{CALENDAR_SECRET}=", f"{CALENDAR_SECRET}="),
        ("canvas_id", "10000000000123", "10000000000123"),
        ("count", 3, 3),
    ],
)
def test_a_secret_is_recognised_by_key_or_format(key: str, value: object, expected: object) -> None:
    assert redact_value(key, value) == expected


def test_a_terminal_shows_control_characters_as_escapes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", "console")
    logger = structlog.get_logger()
    logger.info("clear \x1b[2J", path="/\x1b]0;owned\x07\nforged")
    logging.getLogger("library").warning("red \x9b31m\u202e")
    try:
        ["\x1b[2J"].index("\x1b[2J", 1)
    except ValueError:
        logger.exception("crashed")
    written = capsys.readouterr().err
    assert "\nValueError: " in written
    assert not set("\x1b\x07\x9b\u202e") & set(written)
    assert "\nforged" not in written


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_has_a_few_kilobytes(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", log_format)
    structlog.get_logger().info("refused", reason="eyJ-" * 1_000_000)
    assert len(capsys.readouterr().err) < 10_000
