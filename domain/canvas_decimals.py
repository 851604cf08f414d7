"""Converts, divides and rounds numbers exactly as the Canvas server does, to the last digit."""

import math
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

SCORE_DIGITS = 16
"""Significant digits of a score; Canvas cuts off a seventeenth digit."""
POINTS_DIGITS = 15
"""Significant digits to which Canvas rounds the points possible of an assignment."""
LEAST_QUOTIENT_DIGITS = 32
"""Significant digits that a quotient has at least."""
EXTRA_QUOTIENT_DIGITS = 16
"""How many more significant digits a quotient has than the longer of its operands."""
UNROUNDED_FROM = 2.0**59
"""From here Canvas leaves a float as it is, because it has no digits after the point."""

EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Adds and multiplies without rounding."""

_SCORES = Context(prec=SCORE_DIGITS, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN)
_POINTS = Context(prec=POINTS_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)
_HUNDREDTH = Decimal("0.01")


@lru_cache(maxsize=4096)
def to_decimal(number: float) -> Decimal:
    """The shortest decimal number that stands for a float, cut off after 16 digits."""
    return _SCORES.create_decimal(repr(float(number)))


@lru_cache(maxsize=4096)
def points_to_decimal(points: float) -> Decimal:
    """Points possible as a decimal number, rounded to 15 digits."""
    return _POINTS.create_decimal(points)


def divide(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide two decimal numbers; a half in the last digit is rounded away from zero."""
    longer = max(_digits(dividend), _digits(divisor))
    return _division(longer + EXTRA_QUOTIENT_DIGITS).divide(dividend, divisor)


def _digits(number: Decimal) -> int:
    """The digits of a number as it is written out, without a lone zero before the point."""
    if not number:
        return 0
    _, digits, exponent = number.normalize(EXACT).as_tuple()
    return max(len(digits) + max(int(exponent), 0), -int(exponent))


@lru_cache(maxsize=256)
def _division(digits: int) -> Context:
    precision = max(digits, LEAST_QUOTIENT_DIGITS)
    return Context(prec=precision, rounding=ROUND_HALF_UP, Emax=MAX_EMAX, Emin=MIN_EMIN)


def round_decimal(number: Decimal) -> float:
    """A decimal number rounded to hundredths; a half is rounded away from zero."""
    return float(number.quantize(_HUNDREDTH, ROUND_HALF_UP, EXACT))


def round_float(number: float) -> float:
    """A float rounded to hundredths; what prints as a half is rounded away from zero."""
    size = abs(number)
    if size >= UNROUNDED_FROM:
        return number
    whole = float(math.floor(size * 100))
    if size * 100 - whole >= 0.5:  # noqa: PLR2004
        whole += 1.0
    # The product can be just below a half although the float prints as one, as 1.005 does.
    if (whole + 0.5) / 100 <= size:
        whole += 1.0
    return math.copysign(whole / 100, number)
