import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infrastructure.observability.logging import REDACTED, configure_logs, redacted

CANVAS_TOKEN = "7~aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kM9nP2rS5uX8"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoaXM"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    with structlog.contextvars.bound_contextvars(sync_id="7"):
        structlog.get_logger("here").info("run_ended", courses=3)
    (line,) = lines(capsys)
    assert str(line.pop("at")).endswith("Z")
    assert line == {
        "event": "run_ended",
        "courses": 3,
        "sync_id": "7",
        "level": "info",
        "logger": "here",
    }


def test_what_libraries_log_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug")
    logging.getLogger("somebody.else").warning("%s of %d", "one", 2, extra={"position": 7})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["position"]) == ("one of 2", "warning", 7)


def test_nothing_below_the_level_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("procrastinate.worker").info("quiet")
    assert lines(capsys) == []


def test_libraries_that_talk_a_lot_are_heard_from_warnings_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("info")
    logging.getLogger("procrastinate.worker").info("quiet")
    logging.getLogger("procrastinate.worker").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_reaches_the_log(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", form)
    log = structlog.get_logger()
    log.warning("refused", said=f"no {CANVAS_TOKEN}", headers={"Authorization": "Bearer abc"})
    log.warning("asked", url=f"https://canvas.example/x?access_token={CANVAS_TOKEN}&page=1")
    log.warning("nested", seen=[{"deep": (JWT,)}], api_token="plain", raw=CANVAS_TOKEN.encode())
    logging.getLogger("library").warning("got %s", {"jwt": JWT})
    try:
        int(JWT)
    except ValueError:
        log.exception("broke")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "page=1" in written
    for secret in (CANVAS_TOKEN, JWT, "Bearer abc", "plain"):
        assert secret not in written


@pytest.mark.parametrize(
    ("key", "value", "rest"),
    [
        ("authorization", "Basic eA==", REDACTED),
        ("access_token", "x", REDACTED),
        ("CANVAS_ENCRYPTION_KEY", "x", REDACTED),
        ("token", None, None),
        ("token_fingerprint", "1f2e3d4c", "1f2e3d4c"),
        ("header", "Bearer abc.def", f"Bearer {REDACTED}"),
        ("url", "postgresql://me:word@db/x", f"postgresql://{REDACTED}@db/x"),
        ("canvas_id", "10000000000123", "10000000000123"),
        ("count", 3, 3),
    ],
)
def test_a_secret_is_known_by_its_key_or_its_looks(key: str, value: object, rest: object) -> None:
    assert redacted(key, value) == rest
