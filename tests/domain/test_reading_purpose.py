"""A purpose is a short text that people can read."""

import pytest

from domain.reading_purpose import InvalidPurpose, parse_purpose


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        ("complaint 4711", "complaint 4711"),
        ("  yearly review \t", "yearly review"),
        ("réclamation élève", "réclamation élève"),
        ("苦情 4711", "苦情 4711"),
        ("क्\u200dष", "क्\u200dष"),
        ("x" * 200, "x" * 200),
        ("", None),
        (" \t ", None),
        ("\u200d", None),
    ],
)
def test_a_purpose_has_no_blanks_around_it(text: str, purpose: str | None) -> None:
    assert parse_purpose(text) == purpose


@pytest.mark.parametrize(
    "text",
    [
        *("a\nb", "a\0b", "a\x1b[2Jb", "a\u202eb", "a\u2066b", "a\u200fb", "a\u2028b", "a\ud800b"),
        *("a\u00adb", "a\ufeffb", "a\U000e0041b", "a\ufffdb", "x" * 201),
    ],
)
def test_what_people_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidPurpose, match="must"):
        parse_purpose(text)
