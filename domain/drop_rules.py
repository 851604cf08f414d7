"""Applies the drop rules of an assignment group and keeps the assignments that Canvas keeps.

Canvas drops what raises (or lowers) the percentage of the group most: it looks for the percentage
by bisection, as Kane and Kane describe in "Dropping Lowest Grades". Which of several equally good
assignments it drops follows from the digits of its decimal numbers and from the order of the ids,
so this module repeats each of its steps where `domain.drop_shortcut` is not certain of the result.
"""

from collections.abc import Collection
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.canvas_decimals import EXACT, divide, points_to_decimal, to_decimal
from domain.drop_shortcut import Entry, drop_if_certain

_TWO = Decimal(2)


class _Exact(NamedTuple):
    """An entry with the decimal numbers that Canvas calculates with."""

    score: Decimal
    points: Decimal
    entry: Entry


def apply_drop_rules(
    entries: list[Entry],
    *,
    drop_lowest: int,
    drop_highest: int,
    never_drop: Collection[str],
) -> list[Entry]:
    """The entries that count after the drop rules, which can contain an entry twice.

    The entries must be in the order of their assignment ids, compared as numbers.
    """
    if not drop_lowest and not drop_highest:
        return entries
    fixed = [entry for entry in entries if entry[2] in never_drop] if never_drop else []
    droppable = [entry for entry in entries if entry[2] not in never_drop] if fixed else entries
    count = len(droppable)
    if not count:
        return fixed
    if drop_lowest >= count:
        drop_lowest = count - 1
    if drop_lowest + drop_highest >= count:
        drop_highest = 0
    keep_highest = count - drop_lowest
    keep_lowest = keep_highest - drop_highest
    if keep_lowest >= count:
        return droppable + fixed
    if entries[0][1] > 0 or any(points > 0 for _, points, _ in entries):
        kept = _keep_pointed(droppable, fixed, keep_highest, keep_lowest)
    else:
        kept = sorted(droppable, key=_score)[-keep_highest:][:keep_lowest]
    return kept + fixed


def _score(entry: Entry) -> float:
    return entry[0]


def _keep_pointed(
    droppable: list[Entry], fixed: list[Entry], keep_highest: int, keep_lowest: int
) -> list[Entry]:
    kept = drop_if_certain(droppable, fixed, keep_highest, keep_lowest)
    if kept is not None:
        return kept
    with localcontext(EXACT):
        return _keep_exactly(droppable, fixed, keep_highest, keep_lowest)


def _keep_exactly(
    droppable: list[Entry], fixed: list[Entry], keep_highest: int, keep_lowest: int
) -> list[Entry]:
    candidates, kept_always = _as_exact(droppable), _as_exact(fixed)
    most_points = max(item.points for item in candidates + kept_always)
    candidates = _bisect(candidates, kept_always, keep_highest, most_points, highest=True)
    if len(candidates) > keep_lowest and not any(i.points for i in candidates + kept_always):
        # Canvas has no percentage to look for here; its substitute also takes what is never
        # dropped, which then counts twice.
        ranked = sorted(candidates + kept_always, key=lambda item: item.entry[0])
        return [item.entry for item in ranked[-keep_lowest:]]
    kept = _bisect(candidates, kept_always, keep_lowest, most_points, highest=False)
    return [item.entry for item in kept]


def _as_exact(entries: list[Entry]) -> list[_Exact]:
    return [
        _Exact(to_decimal(score), points_to_decimal(points), (score, points, assignment_id))
        for score, points, assignment_id in entries
    ]


def _bisect(
    candidates: list[_Exact], fixed: list[_Exact], keep: int, most_points: Decimal, *, highest: bool
) -> list[_Exact]:
    """Keep the candidates with which the percentage is highest or lowest, best ones first."""
    if len(candidates) <= keep:
        return candidates
    low, high = _bounds(candidates + fixed)
    middle = divide(low + high, _TWO)
    surplus, kept = _rank(middle, candidates, fixed, keep, highest=highest)
    threshold = divide(Decimal(1), 2 * keep * most_points * most_points)
    while high - low >= threshold:
        if surplus < 0:
            high = middle
        else:
            low = middle
        middle = divide(low + high, _TWO)
        if middle in (low, high):
            break
        surplus, kept = _rank(middle, candidates, fixed, keep, highest=highest)
    return kept


def _bounds(items: list[_Exact]) -> tuple[Decimal, Decimal]:
    """The lowest and the highest ratio of score to points between which the result can be."""
    pointed = [item for item in items if item.points]
    ratios = [divide(item.score, item.points) for item in pointed]
    unpointed = [item for item in items if not item.points]
    if not unpointed:
        return min(ratios), max(ratios)
    points = sum((item.points for item in pointed), Decimal(0))
    # Canvas adds these scores as floats, with their small errors.
    extra = sum(item.entry[0] for item in unpointed)
    scores = sum(item.entry[0] for item in pointed)
    most = scores + extra if to_decimal(scores) > points else float(points + to_decimal(extra))
    return min(ratios), divide(to_decimal(most), points)


def _rank(
    ratio: Decimal, candidates: list[_Exact], fixed: list[_Exact], keep: int, *, highest: bool
) -> tuple[Decimal, list[_Exact]]:
    """The candidates to keep at a ratio, and how much their scores exceed it together.

    Equal candidates stay in their order.
    """
    surpluses = [item.score - ratio * item.points for item in candidates]
    order = sorted(range(len(candidates)), key=surpluses.__getitem__, reverse=highest)[:keep]
    surplus = sum((surpluses[index] for index in order), Decimal(0))
    surplus += sum((item.score - ratio * item.points for item in fixed), Decimal(0))
    return surplus, [candidates[index] for index in order]
