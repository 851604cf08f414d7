"""Numbers as Ruby has them in Canvas: BigDecimal of a float, its division, and rounding.

Source: `bigdecimal` 3.3, and `Float#round`.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from math import floor

EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Additions and multiplications of BigDecimal are exact."""
SCORE_CONTEXT = Context(prec=16, rounding=ROUND_DOWN)
POINTS_CONTEXT = Context(prec=15)
MIN_QUOTIENT_DIGITS, MORE_QUOTIENT_DIGITS = 32, 16
HUNDREDTH = Decimal("0.01")


def decimal_of_float(number: float) -> Decimal:
    """The BigDecimal of a float: its shortest digits, of which 16 are kept."""
    return SCORE_CONTEXT.create_decimal(repr(float(number)))


def decimal_of_points(points: float | None) -> Decimal:
    """The BigDecimal of points possible, which Canvas makes with 15 digits; none are zero."""
    return POINTS_CONTEXT.create_decimal(float(points or 0.0))


def divide(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide as BigDecimal: to 32 digits, or to 16 more than the longer number has."""
    longer = max(_written_digits(dividend), _written_digits(divisor))
    digits = max(longer + MORE_QUOTIENT_DIGITS, MIN_QUOTIENT_DIGITS)
    context = Context(prec=digits, rounding=ROUND_HALF_UP, Emax=MAX_EMAX, Emin=MIN_EMIN)
    return context.divide(dividend, divisor)


def round_decimal(number: Decimal) -> float:
    """Round to two digits as BigDecimal: halves go away from zero."""
    return float(number.quantize(HUNDREDTH, ROUND_HALF_UP, EXACT))


def round_float(number: float) -> float:
    """Round to two digits as Float: 5.015 becomes 5.02, although it is a bit less than that."""
    if number < 0:
        return -round_float(-number)
    hundredths = float(floor(number * 100))
    if number * 100 - hundredths >= 0.5:  # noqa: PLR2004  a half
        hundredths += 1
    if (hundredths + 0.5) / 100 <= number:
        hundredths += 1
    return hundredths / 100


def _written_digits(number: Decimal) -> int:
    """The digits of a number as it is written, without a single zero before the point."""
    if not number:
        return 0
    _, digits, exponent = number.normalize(EXACT).as_tuple()
    return max(len(digits) + max(int(exponent), 0), -int(exponent))
