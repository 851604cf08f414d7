"""Chooses which scores of an assignment group are dropped, exactly as Canvas does.

Source: `GradeCalculator#drop_assignments` of canvas-lms, after Kane & Kane, "The optimal method
to drop lowest grades": the best share is found by bisection. Ties are decided by assignment id.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from infrastructure.canvas_sandbox.model import DropRules
from infrastructure.canvas_sandbox.ruby_numbers import decimal_of_float, divide

TWO = Decimal(2)


class CountedScore(NamedTuple):
    """A score that counts in a group, of `total` possible points.

    Canvas has the score as a float too, and adds up some of them as such.
    """

    assignment_id: int
    number: float
    score: Decimal
    total: Decimal


def drop_scores(counted: Sequence[CountedScore], rules: DropRules) -> list[CountedScore]:
    """The scores that remain after the drop rules of their group."""
    if not rules.lowest and not rules.highest:
        return list(counted)
    protected = [item for item in counted if item.assignment_id in rules.never]
    droppable = [item for item in counted if item.assignment_id not in rules.never]
    if not droppable:
        return protected
    lowest, highest = rules.lowest, rules.highest
    if lowest >= len(droppable):
        lowest = len(droppable) - 1
    if lowest + highest >= len(droppable):
        highest = 0
    keep_highest = len(droppable) - lowest
    keep_lowest = keep_highest - highest
    droppable.sort(key=lambda item: item.assignment_id)
    if any(item.total > 0 for item in counted):
        kept = _drop_pointed(droppable, protected, keep_highest, keep_lowest)
    else:
        by_score = sorted(droppable, key=lambda item: item.score)
        kept = by_score[-keep_highest:][:keep_lowest]
    return kept + protected


def _drop_pointed(
    droppable: list[CountedScore], protected: list[CountedScore], highest: int, lowest: int
) -> list[CountedScore]:
    max_total = max(item.total for item in (*droppable, *protected))
    kept = _keep(droppable, protected, highest, max_total, keeps_best=True)
    return _keep(kept, protected, lowest, max_total, keeps_best=False)


def _keep(
    scores: list[CountedScore],
    protected: list[CountedScore],
    keep: int,
    max_total: Decimal,
    *,
    keeps_best: bool,
) -> list[CountedScore]:
    if len(scores) <= keep:
        return scores
    pointed = [item for item in (*scores, *protected) if item.total]
    unpointed = [item for item in (*scores, *protected) if not item.total]
    if not pointed and not keeps_best:
        return sorted(unpointed, key=lambda item: item.score)[-keep:]
    shares = sorted(divide(item.score, item.total) for item in pointed)
    low, high = shares[0], _highest_share(pointed, unpointed, shares)
    middle = divide(low + high, TWO)
    excess, kept = _best_at(middle, scores, protected, keep, keeps_best=keeps_best)
    threshold = divide(Decimal(1), 2 * keep * max_total * max_total)
    while high - low >= threshold:
        if excess < 0:
            high = middle
        else:
            low = middle
        middle = divide(low + high, TWO)
        if middle in (low, high):
            break
        excess, kept = _best_at(middle, scores, protected, keep, keeps_best=keeps_best)
    return kept


def _best_at(
    share: Decimal,
    scores: list[CountedScore],
    protected: list[CountedScore],
    keep: int,
    *,
    keeps_best: bool,
) -> tuple[Decimal, list[CountedScore]]:
    """The scores to keep if the group had this share, and by how much they exceed it."""
    rated = [(item.score - share * item.total, item) for item in scores]
    rated.sort(key=lambda pair: pair[0], reverse=keeps_best)
    kept = rated[:keep]
    excess = sum((rating for rating, _ in kept), start=Decimal(0))
    excess += sum((item.score - share * item.total for item in protected), start=Decimal(0))
    return excess, [item for _, item in kept]


def _highest_share(
    pointed: list[CountedScore], unpointed: list[CountedScore], shares: list[Decimal]
) -> Decimal:
    if not unpointed:
        return shares[-1]
    possible = sum((item.total for item in pointed), start=Decimal(0))
    earned = sum((item.number for item in pointed), start=0.0)
    extra = sum((item.number for item in unpointed), start=0.0)
    if possible >= decimal_of_float(earned):
        most = float(possible + decimal_of_float(extra))
    else:
        most = earned + extra
    return divide(decimal_of_float(most), possible)
