"""Tests of numbers against results of Ruby 3.1 with bigdecimal 3.3."""

from decimal import Decimal

import pytest

from infrastructure.canvas_sandbox.model import DropRules
from infrastructure.canvas_sandbox.ruby_numbers import (
    decimal_of_float,
    decimal_of_points,
    divide,
    round_decimal,
    round_float,
)
from tests.infrastructure.canvas_sandbox.graded_work import Grade, totals_of


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        (5.015, 5.02),
        (1.005, 1.01),
        (2.675, 2.68),
        (0.125, 0.13),
        (33.335, 33.34),
        (33.334, 33.33),
        (-5.015, -5.02),
        (7.0, 7.0),
    ],
)
def test_a_float_that_prints_as_a_half_is_rounded_away_from_zero(
    number: float, rounded: float
) -> None:
    assert round_float(number) == rounded


def test_decimal_halves_are_rounded_away_from_zero() -> None:
    assert [round_decimal(Decimal(text)) for text in ("0.125", "-0.125", "0.1249")] == [
        0.13, -0.13, 0.12,
    ]  # fmt: skip


def test_a_score_has_sixteen_digits_and_points_have_fifteen() -> None:
    assert decimal_of_float(123_456_789.123_456_78) == Decimal("123456789.1234567")
    assert decimal_of_points(0.123_456_789_012_345_67) == Decimal("0.123456789012346")
    assert decimal_of_points(None) == 0


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [
        ("1", "3", "0." + "3" * 32),
        ("2", "3", "0." + "6" * 31 + "7"),
        ("12345678901234567890", "7", "1763668414462081127.14285714285714286"),
        ("1", "0.00000000000000000003", "3" * 20 + "." + "3" * 16),
        ("3e20", "7", "42857142857142857142.85714285714285714"),
        ("0", "7", "0"),
    ],
)
def test_a_quotient_has_as_many_digits_as_bigdecimal_gives(
    dividend: str, divisor: str, quotient: str
) -> None:
    assert divide(Decimal(dividend), Decimal(divisor)) == Decimal(quotient)


@pytest.mark.parametrize(
    ("grades", "total"),
    [
        ([(5, 3), (0, 3), (5, 9)], 55.56),
        ([(1, 9), (0, 7), (8, 9)], 11.11),
        ([(None, 7), (8, 7), (None, 0)], None),
    ],
)
def test_the_last_digit_of_a_quotient_decides_between_equal_choices(
    grades: list[Grade], total: float | None
) -> None:
    """With exact fractions, the first two totals would be 0."""
    assert totals_of(grades, DropRules(1, 1)).final == total
