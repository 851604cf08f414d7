"""Durations are shown in their two largest units."""

import pytest

from interfaces.queries.admin.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.6, "1 min"),
        (87, "1 min 27 s"),
        (3 * 3600 + 5, "3 h 5 s"),
        (26 * 3600 + 61, "1 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
