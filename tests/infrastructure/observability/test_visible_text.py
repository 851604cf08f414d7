import json
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.observability.visible_text import (
    BLANK_LETTERS,
    DRAWN_FORMAT_CHARACTERS,
    JOINERS,
    visible_json,
    visible_lines,
    visible_text,
)

ANY_TEXT = st.text(st.characters() | st.sampled_from("\x1b\x9b\u202e\u2066\u200d\u200bab\n\ud800"))
"""All code points, also lone surrogates."""


def is_drawn(character: str) -> bool:
    return (
        category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        or character in DRAWN_FORMAT_CHARACTERS
        or character in JOINERS
    ) and character not in BLANK_LETTERS


@given(ANY_TEXT)
def test_no_text_contains_what_a_terminal_acts_on_or_does_not_draw(text: str) -> None:
    shown = visible_text(text)
    assert all(map(is_drawn, shown))
    assert visible_text(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_what_is_drawn_stays_as_it_is(text: str) -> None:
    assert visible_text(text) == text or BLANK_LETTERS & set(text)


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_json_stays_the_same_document(document: object) -> None:
    shown = visible_json(json.dumps(document, ensure_ascii=False))
    # A surrogate pair in two escapes is one character, as JSON has it.
    assert json.loads(shown) == json.loads(json.dumps(document))
    assert all(map(is_drawn, shown))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\u001b[2Jb"),
        ("a\x9b31m", "a\\u009b31m"),
        ("\x7f", "\\u007f"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2069", "a\\u2069"),
        ("one\ntwo\r", "one\\u000atwo\\u000d"),
        ("one\u2028two", "one\\u2028two"),
        ("soft\u00adhyphen\ufeff", "soft\\u00adhyphen\\ufeff"),
        ("ad\u200bmin", "ad\\u200bmin"),
        ("ad\u200dmin", "ad\\u200dmin"),
        ("\u200cب", "\\u200cب"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\u3164", "\\u3164"),
    ],
)
def test_what_is_not_drawn_is_an_escape(text: str, shown: str) -> None:
    assert visible_text(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Müller-Łukasz O’Brien",  # noqa: RUF001  # as it is typed
        "Nguye\u0302\u0303n",
        "می\u200cخواهم",  # noqa: RUF001  # Persian
        "क्\u200dष श्री\u200cमती",
        "ශ්\u200dරී ලංකා",
        "葛\U000e0100城",
        "王小明",
        "👩\u200d🔬 👩🏽\u200d🚀",
        "❤\ufe0f\u200d🔥",
        "ᠮᠣᠩᠭᠣᠯ\u180b",
        "price 5 € ½",
    ],
)
def test_names_in_any_script_stay_as_they_are(name: str) -> None:
    assert visible_text(name) == name


def test_the_newlines_of_several_lines_are_kept() -> None:
    assert visible_lines("one\n\x1btwo\n") == "one\n\\u001btwo\n"
