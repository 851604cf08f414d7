"""Scores are rounded to two digits, half a hundredth away from 0, and nothing else is changed."""

import pytest

from projections.support.rounded_numbers import round_rate, round_score


@pytest.mark.parametrize(
    ("score", "rounded"),
    [
        (None, None),
        (80, 80),
        (80.0, 80.0),
        (66.666666, 66.67),
        (88.125, 88.13),
        (-88.125, -88.13),
        (1.005, 1.01),
        (0.1 + 0.2, 0.3),
        (1e300, 1e300),
        (5e-324, 0.0),
    ],
)
def test_a_score_has_two_digits(score: float | None, rounded: float | None) -> None:
    assert round_score(score) == rounded
    assert type(round_score(score)) is type(rounded)


def test_a_rate_has_four_digits() -> None:
    assert round_rate(2 / 3) == 0.6667
