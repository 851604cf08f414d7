"""Adds up assignment groups to a total in per cent, rounded as the Canvas server rounds it.

A total is calculated with floats. Where their rounding errors could change the last digit, it is
calculated again with Canvas's decimal numbers.
"""

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext

from domain.canvas_decimals import (
    EXACT,
    divide,
    points_to_decimal,
    round_decimal,
    round_float,
    to_decimal,
)
from domain.drop_shortcut import ROUNDING_ERROR, Entry

LARGEST_ROUNDED = 1e12
"""Floats above it, in hundredths, are not rounded with certainty."""


GroupSum = tuple[float, float, float, list[Entry]]
"""The weight of a group in per cent, its score, its points possible and what counts in it.

Score and points possible are not a number (nan) where the error of a float could be large.
"""


def add_up(weight: float, kept: list[Entry]) -> GroupSum:
    """Add up what counts in a group."""
    score = possible = 0.0
    for points, worth, _ in kept:
        if points < 0 or worth < 0:
            return weight, math.nan, math.nan, kept
        score += points
        possible += worth
    return weight, score, possible, kept


def points_total(groups: Sequence[GroupSum]) -> float | None:
    """The total in per cent where groups have no weights: all scores over all points possible."""
    score = possible = 0.0
    for _, group_score, group_possible, _ in groups:
        score += group_score
        possible += group_possible
    if not possible:
        return None
    percentage = score / possible * 100
    rounded = _round_if_certain(percentage, percentage)
    return _exact_points_total(groups) if rounded is None else rounded


def weighted_total(groups: Sequence[GroupSum]) -> float | None:
    """The total in per cent where groups have weights, scaled up if they sum to less than 100."""
    total = size = full_weight = 0.0
    for weight, score, possible, _ in groups:
        if possible:
            part = score / possible * weight
            full_weight += weight
            total += part
            size += abs(part)
    if not full_weight and not math.isnan(total):
        return None
    scale = 100 / full_weight if 0 < full_weight < 100 else 1.0  # noqa: PLR2004
    rounded = _round_if_certain(total * scale, size * scale) if full_weight > 0 else None
    return _exact_weighted_total(groups) if rounded is None else rounded


def _round_if_certain(percentage: float, size: float) -> float | None:
    """Round to hundredths; None if rounding errors, relative to `size`, could change the result."""
    hundredths = percentage * 100
    if not abs(hundredths) < LARGEST_ROUNDED:
        return None
    whole = math.floor(hundredths)
    part = hundredths - whole
    if not abs(part - 0.5) > ROUNDING_ERROR * size * 100:
        return None
    return (whole + (part > 0.5)) / 100  # noqa: PLR2004


def _sum_exactly(kept: Sequence[Entry]) -> tuple[Decimal, Decimal]:
    """The scores and the points possible of what counts, each added up."""
    score = sum((to_decimal(points) for points, _, _ in kept), Decimal(0))
    return score, sum((points_to_decimal(worth) for _, worth, _ in kept), Decimal(0))


def _exact_points_total(groups: Sequence[GroupSum]) -> float | None:
    with localcontext(EXACT):
        score, possible = _sum_exactly([entry for *_, kept in groups for entry in kept])
        if possible <= 0:
            return None
        return round_decimal(divide(to_decimal(float(score)), possible) * 100)


def _exact_weighted_total(groups: Sequence[GroupSum]) -> float | None:
    total, full_weight = Decimal(0), 0.0
    with localcontext(EXACT):
        for weight, _, _, kept in groups:
            score, possible = _sum_exactly(kept)
            if possible:
                total += divide(score, possible) * to_decimal(weight)
                full_weight += weight
        if not full_weight:
            return None
        if full_weight < 100:  # noqa: PLR2004
            total = divide(total, Decimal(repr(full_weight))) * 100
    return round_float(float(total))
