"""Rounds the numbers of documents: scores to two digits, rates to four."""

from decimal import ROUND_HALF_UP, Decimal

SCORE_DIGITS, RATE_DIGITS = 2, 4
ONE_HUNDREDTH = Decimal("0.01")


def round_score(score: float | None) -> float | None:
    """Return a score with two digits, half a hundredth rounded away from 0; None for None."""
    if score is None or round(score, SCORE_DIGITS) == score:
        return score
    return float(Decimal(repr(score)).quantize(ONE_HUNDREDTH, ROUND_HALF_UP))


def round_rate(rate: float) -> float:
    """Return a rate between 0 and 1 with four digits."""
    return round(rate, RATE_DIGITS)
