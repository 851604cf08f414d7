"""Tests that text of Canvas is text: no control of a terminal, no change of direction."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infrastructure.canvas.json_fields import (
    MAX_TEXT_LENGTH,
    MAX_URL_LENGTH,
    parse_text,
    parse_url,
)
from infrastructure.canvas.parse_assignment import parse_assignment, parse_group
from infrastructure.canvas.parse_course import parse_course
from infrastructure.canvas.response_body import NotJson, decode_json
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row

EVIL = "Maths\x1b]0;owned\x07\x1b[2J\x9b31m\u202ered\u2066\r\nposition\x85 1\ud800\x00"
DIRECTIONS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
WORDS = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), max_size=60)


def is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in DIRECTIONS


@settings(deadline=None)
@given(ANY_TEXT)
@example(EVIL)
def test_no_text_controls_a_terminal_or_the_direction_of_the_text(text: str) -> None:
    parsed = parse_text(text)
    assert parsed is not None
    assert not [character for character in parsed if is_unsafe(character)]
    assert parse_text(parsed) == parsed
    kept = [character for character in text if not is_unsafe(character) and character != " "]
    assert [character for character in parsed if character != " "] == kept


@settings(deadline=None)
@given(WORDS)
@example("می\u200cخواهم")  # noqa: RUF001  # Persian, with ZWNJ
@example("क्\u200dष")  # Hindi: ZWJ
@example("👩\u200d👩\u200d👧")
@example("e\u0301")  # not composed to one character
@example("א\u200f(1)\u200e\u061c")
@example("數學 Ⅱ, Übung ½")
def test_the_letters_of_every_script_stay(text: str) -> None:
    assert parse_text(text) == text


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("one\ntwo", "one two"),
        ("one\r\ntwo", "one two"),
        ("one\ttwo\x0bthree\x0cfour", "one two three four"),
        ("a\u2028b\u2029c", "a b c"),
        ("\x1b[2Jclear", "[2Jclear"),
        ("x" * (MAX_TEXT_LENGTH + 5), "x" * MAX_TEXT_LENGTH),
        (5, None),
    ],
)
def test_what_separates_words_becomes_a_blank(sent: Any, stored: str | None) -> None:
    assert parse_text(sent) == stored


def texts_in(value: Any) -> list[str]:
    """Return every text in a record."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_in(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts_in(each)]
    return [value] if isinstance(value, str) else []


def spoiled(value: Any) -> Any:
    """Return a row whose texts all contain what a terminal obeys."""
    if isinstance(value, dict):
        return {key: spoiled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [spoiled(each) for each in value]
    return value + EVIL if isinstance(value, str) and not value.isdigit() else value


def test_no_field_of_a_record_is_left_out() -> None:
    group = parse_group(spoiled(group_row("11")))
    assert group
    records = [
        group,
        parse_course(spoiled(course_row("7")), "https://canvas.example"),
        parse_assignment(spoiled(assignment_row("5", html_url="https://a/")), group, None),
    ]
    for record in records:
        assert record
        assert not [text for text in texts_in(record) for each in text if is_unsafe(each)]
    assert parse_url("https://a/\x1b[2J") == "https://a/[2J"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r"a\ud800b", "ab"),
        (r"a\ud800", "a"),
        (r"\uDC00b", "b"),
        (r"-\ud800\ud800-", "--"),
        (r"\ud800\u0041", "A"),
        (r"\udc00\ud83d", ""),
        (r"\ud83d\udc00\ud83d", "\U0001f400"),
        (r"\\ud800\udfff", "\\ud800"),
    ],
)
async def test_half_of_a_pair_costs_only_itself(sent: str, read: str) -> None:
    body = b'[{"id": 1, "name": "%s"}, {"id": 2}]' % sent.encode()
    assert await decode_json(body) == [{"id": 1, "name": read}, {"id": 2}]


async def test_a_page_of_halves_is_refused_in_bounded_time() -> None:
    with pytest.raises(NotJson):
        await decode_json(rb'["' + rb"\ud800" * 10_000 + rb'"]')


def test_a_long_url_is_whole_or_missing() -> None:
    url = "https://a/" + "b" * (MAX_URL_LENGTH - 10)
    assert parse_url(url) == url
    assert parse_url(url + "b") is None
