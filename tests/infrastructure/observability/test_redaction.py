"""Redaction takes time linear in the length of a text, whatever a stranger writes."""

import re
import time
from collections.abc import Callable, Iterable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.observability.redaction import (
    MAX_PATH_LENGTH,
    MAX_TEXT_LENGTH,
    REDACTED,
    SECRET_KEY_PATTERN,
    SECRET_PATTERNS,
    SecretPattern,
    cut_middle,
    redact_path,
    redact_text,
)

CALENDAR_SECRET = "kX3-vQ9_tL5nB1wZ7cR2mD8hJ4sF6gY0pA-eU_iOxNs"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoaXM"
CANVAS_TOKEN = "7~aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kM9nP2rS5uX8"
PIECES = (
    *("a", "A", "1", "-", "_", ".", "~", " ", "/", ":", "@", "=", "'", "é", "\n"),
    *("eyJ", "eyJ-", "eyJ.", "-eyJ", "eyJa.", "eyJa.b", "1~", "1-", "11~a", "bearer ", "token="),
    *("://", "://a:", "://:", ":b@", "/calendar/", "/calendar/a", ".ics", ".icsx", "{secret}"),
    "aA" * 21 + "-",
)
"""What the patterns consist of: repeated, they are what makes a pattern slow."""
REPETITIONS = ["".join(pair) for pair in product(PIECES, repeat=2)]
SHORT, LONG = 4_000, 16_000
MAX_RATIO = 9
"""A text of four times the length takes 4 times as long if time is linear, 16 if quadratic."""
NEGLIGIBLE_SECONDS = 0.003


def cpu_seconds(function: Callable[[], object]) -> float:
    """The CPU time of the fastest of three calls: other processes of the machine do not count."""
    durations = []
    for _ in range(3):
        started = time.thread_time()
        function()
        durations.append(time.thread_time() - started)
    return min(durations)


def slow_texts(
    substitute: Callable[[str], str], pieces: Iterable[str] = REPETITIONS
) -> dict[str, tuple[float, float]]:
    """The repetitions for which a text of four times the length takes far more than four times."""
    found = {}
    for piece in pieces:
        short, long = ((piece * length)[:length] for length in (SHORT, LONG))
        long_seconds = cpu_seconds(lambda text=long: substitute(text))  # type: ignore[misc]
        if long_seconds < NEGLIGIBLE_SECONDS:
            continue
        short_seconds = cpu_seconds(lambda text=short: substitute(text))  # type: ignore[misc]
        if long_seconds > MAX_RATIO * short_seconds:
            found[piece] = short_seconds, long_seconds
    return found


@pytest.mark.parametrize("secret", SECRET_PATTERNS, ids=lambda secret: secret.name)
def test_the_time_of_every_pattern_is_linear(secret: SecretPattern) -> None:
    assert slow_texts(lambda text: secret.pattern.sub("", text)) == {}


def test_the_time_of_the_pattern_of_keys_is_linear() -> None:
    assert slow_texts(lambda text: SECRET_KEY_PATTERN.sub("", text)) == {}


def test_a_quadratic_pattern_is_found() -> None:
    former = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
    assert slow_texts(lambda text: former.sub("", text), ["eyJ-"])


@settings(deadline=None, max_examples=20)
@given(
    st.text(max_size=20), st.integers(0, 3), st.sampled_from([JWT, CANVAS_TOKEN, CALENDAR_SECRET])
)
def test_a_long_text_is_cut_and_no_part_of_a_secret_is_left(
    before: str, blanks: int, secret: str
) -> None:
    for filling in range(MAX_TEXT_LENGTH // 2 - 200, MAX_TEXT_LENGTH // 2 + 60, 20):
        start = before + "é " * ((filling - len(before)) // 2) + " " * blanks
        text = f"{start}{secret} {'word ' * MAX_TEXT_LENGTH}"
        shown = redact_text(text)
        assert len(shown) <= MAX_TEXT_LENGTH + len(REDACTED)
        assert all(secret[index : index + 12] not in shown for index in range(len(secret) - 12))


@settings(deadline=None, max_examples=20)
@given(st.text(min_size=MAX_TEXT_LENGTH + 1, max_size=MAX_TEXT_LENGTH + 9))
def test_a_text_is_never_longer_than_the_limit(text: str) -> None:
    assert len(cut_middle(text * 3)) <= MAX_TEXT_LENGTH


def test_a_text_keeps_its_start_and_its_end() -> None:
    shown = redact_text("first " + "x" * 100_000 + " last")
    assert shown == "first [100000 characters] last"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/canvas/courses", "/api/v1/canvas/courses"),
        ("/" + "eyJ-" * 8000, "/…"),
        ("/connections/" + "x" * 31_000, "/connections/…"),
        ("/calendar/" + "x" * 31_000, "/calendar/…"),
        ("/a/" + "x" * 150 + "/" + JWT * 3, "/a/" + "x" * 150 + "/…"),
        ("/" + JWT, "/" + REDACTED),
        ("x" * 500, "…"),
    ],
)
def test_a_path_is_cut_after_a_slash(path: str, shown: str) -> None:
    assert redact_path(path) == shown


@given(st.text(max_size=400))
def test_a_shown_path_is_short(path: str) -> None:
    assert len(redact_path("/" + path)) <= MAX_PATH_LENGTH + 40 * len(REDACTED)


@pytest.mark.parametrize("text", ["a-" + JWT, "x=" + JWT, "é.eyJ." + JWT, "eyJ.a " + JWT])
def test_a_jwt_is_found_after_other_characters(text: str) -> None:
    assert redact_text(text) == text.removesuffix(JWT) + REDACTED
