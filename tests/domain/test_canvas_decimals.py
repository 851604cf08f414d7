"""Numbers are converted, divided and rounded as Ruby's BigDecimal 3.3.1 and Float do."""

from decimal import Decimal

import pytest

from domain.canvas_decimals import (
    divide,
    points_to_decimal,
    round_decimal,
    round_float,
    to_decimal,
)


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [
        ("1", "3", "0.33333333333333333333333333333333"),
        ("-2", "3", "-0.66666666666666666666666666666667"),
        ("2", "7", "0.28571428571428571428571428571429"),
        ("5", "0.0007", "7142.8571428571428571428571428571"),
        ("0", "7", "0"),
        ("12345678901234567.5", "7", "0.1763668414462081071428571428571429e16"),
        ("100.1612", "1.208690157838E-13", "0.82867556544978952463917216987179760879565e15"),
        (
            "2.25034386556288109833213E-20",
            "104945996345676218957336667386962",
            "0.21442874849180422251574713618635984878480661959159242308774e-51",
        ),
    ],
)
def test_a_quotient_has_as_many_digits_as_in_ruby(
    dividend: str, divisor: str, quotient: str
) -> None:
    assert divide(Decimal(dividend), Decimal(divisor)) == Decimal(quotient)


def test_a_score_is_cut_off_after_sixteen_digits() -> None:
    assert to_decimal(0.1 + 0.2) == Decimal("0.3")
    assert to_decimal(1234.5678901234567) == Decimal("1234.567890123456")
    assert to_decimal(-9.75) == Decimal("-9.75")


def test_points_are_rounded_to_fifteen_digits() -> None:
    assert points_to_decimal(0.1 + 0.2) == Decimal("0.3")
    assert points_to_decimal(123456.7890123456) == Decimal("123456.789012346")
    assert points_to_decimal(10) == 10


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        (1.005, 1.01), (5.015, 5.02), (2.675, 2.68), (-1.005, -1.01), (0.285, 0.29),
        (99.995, 100.0), (66.665, 66.67), (1.0049999999999997, 1.0), (0.004, 0.0),
        (97868599048781.88, 97868599048781.88), (1e300, 1e300), (0.0, 0.0),
    ],
)  # fmt: skip
def test_what_prints_as_a_half_is_rounded_away_from_zero(number: float, rounded: float) -> None:
    assert round_float(number) == rounded


def test_a_decimal_half_is_rounded_away_from_zero() -> None:
    assert round_decimal(Decimal("79.135")) == 79.14
    assert round_decimal(Decimal("79.13499999999999999999999999")) == 79.13
    assert round_decimal(Decimal("-0.125")) == -0.13
