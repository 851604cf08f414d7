"""Drops assignments with floats where rounding cannot change the result, which is nearly always.

The percentage that Canvas finds by bisection is found here by a few steps of Newton's method. The
result is given back only if every percentage at which Canvas can have stopped keeps the same
assignments.
"""

import math
from operator import itemgetter
from typing import NamedTuple

Entry = tuple[float, float, str]
"""A score, the points possible and the id of the assignment."""

ROUNDING_ERROR = 1e-11
"""How far, relative to the numbers added, a result of floats can be from the exact result."""
MAX_STEPS = 12
"""After so many steps of Newton's method the result counts as uncertain."""
LEAST_SHARE = 1e-6
"""Fewer points, relative to the most, are lost when the most are subtracted from a sum."""
MOST_EXACT_POINTS = 1e12
"""Below it, points with two decimals have so few digits that Canvas does not round them."""

_score = itemgetter(0)
_points = itemgetter(1)


def drop_if_certain(
    droppable: list[Entry], fixed: list[Entry], keep_highest: int, keep_lowest: int
) -> list[Entry] | None:
    """The droppable entries that count; None if floats cannot decide.

    The entries must be in the order of their assignment ids; some must have points possible.
    """
    most_points = max(map(_points, droppable + fixed))
    kept: list[Entry] | None = droppable
    if keep_highest < len(droppable):
        if not fixed and _have_equal_ratios(droppable):
            kept = droppable[:keep_highest]
        else:
            kept = _keep(droppable, fixed, keep_highest, most_points, highest=True)
    if kept is not None and keep_lowest < len(kept):
        kept = _keep(kept, fixed, keep_lowest, most_points, highest=False)
    return kept


def _have_equal_ratios(entries: list[Entry]) -> bool:
    """Whether all scores are 0 or all are full, so that only the ids decide."""
    score, points, _ = entries[0]
    if score not in (0, points):
        return False
    if score:
        # Canvas does not round points with so few digits.
        return all(
            score == points and 0 < points < MOST_EXACT_POINTS and round(points, 2) == points
            for score, points, _ in entries
        )
    return all(not score and points > 0 for score, points, _ in entries)


def _keep(
    entries: list[Entry], fixed: list[Entry], keep: int, most_points: float, *, highest: bool
) -> list[Entry] | None:
    points = list(map(_points, entries))
    if points.count(points[0]) == len(points):
        if not points[0] and not any(map(_points, fixed)):
            return None
        return _keep_by_score(entries, keep, highest=highest)
    # Canvas's bisection ends when its bounds are this far apart, times the points.
    margin = 1 / (2 * keep * most_points)
    if keep == len(entries) - 1 and min(map(_points, entries + fixed)) > most_points * LEAST_SHARE:
        position = _find_dropped(entries, fixed, margin, highest=highest)
        return None if position is None else entries[:position] + entries[position + 1 :]
    return _keep_by_ratio(entries, fixed, keep, margin, highest=highest)


def _find_dropped(
    entries: list[Entry], fixed: list[Entry], margin: float, *, highest: bool
) -> int | None:
    """The position of the only entry to drop, where all have points possible.

    None if another could be dropped within the margin.
    """
    scores, points, _ = zip(*(entries + fixed), strict=True)
    score_sum, points_sum, most_points = sum(scores), sum(points), max(points)
    without = [(score_sum - score) / (points_sum - worth) for score, worth, _ in entries]
    ratio = max(without) if highest else min(without)
    surpluses = [score - ratio * worth for score, worth, _ in entries]
    dropped = min(surpluses) if highest else max(surpluses)
    error = (sum(map(abs, scores)) + abs(ratio) * most_points) * points_sum / min(points)
    margin += ROUNDING_ERROR * error
    near = [i for i, surplus in enumerate(surpluses) if abs(surplus - dropped) <= margin]
    is_clear = len(near) == 1 or len({entries[i][:2] for i in near}) == 1
    return near[-1] if is_clear else None


def _keep_by_ratio(
    entries: list[Entry], fixed: list[Entry], keep: int, margin: float, *, highest: bool
) -> list[Entry] | None:
    bounds = _bounds(entries + fixed)
    if bounds is None:
        return None
    scores, points, _ = zip(*entries, strict=True)
    candidates = _Candidates(
        scores, points, sum(map(_score, fixed)), sum(map(_points, fixed)), keep, highest
    )
    kept = _find_kept(candidates, bounds, margin)
    return None if kept is None else [entries[position] for position in kept]


def _keep_by_score(entries: list[Entry], keep: int, *, highest: bool) -> list[Entry] | None:
    """Where all have equal points, the order of the scores decides, whatever the percentage is."""
    ranked = sorted(entries, key=_score, reverse=highest)
    last, dropped = ranked[keep - 1][0], ranked[keep][0]
    distance = abs(last - dropped)
    if distance and distance <= ROUNDING_ERROR * max(abs(last), abs(dropped)):
        return None
    return ranked[:keep]


def _bounds(entries: list[Entry]) -> tuple[float, float, float] | None:
    """The lowest, total and highest ratio of score to points; None for points below zero.

    Canvas looks between the lowest and the highest; where assignments without points are worth
    points, the highest is an estimate.
    """
    scores, points, _ = zip(*entries, strict=True)
    total, least = sum(scores), min(points)
    if least > 0:
        # What Canvas finds is between the bounds anyway.
        return -math.inf, total / sum(points), math.inf
    if least < 0:
        return None
    ratios = [score / possible for score, possible, _ in entries if possible]
    pointed = sum(score for score, possible, _ in entries if possible)
    low, possible = min(ratios), sum(points)
    high = (max(possible, pointed) + total - pointed) / possible
    return (low, min(max(total / possible, low), high), high) if low <= high else None


class _Candidates(NamedTuple):
    """What can be dropped, what is always kept, and how many are to be kept."""

    scores: tuple[float, ...]
    points: tuple[float, ...]
    fixed_score: float
    fixed_points: float
    keep: int
    highest: bool

    def surpluses(self, ratio: float) -> list[float]:
        """How much each speaks for being kept at a ratio of score to points."""
        pairs = zip(self.scores, self.points, strict=True)
        if self.highest:
            return [score - ratio * points for score, points in pairs]
        return [ratio * points - score for score, points in pairs]

    def ratio(self, kept: list[int]) -> float | None:
        """The ratio of score to points of these positions with what is always kept."""
        points = self.fixed_points + sum(map(self.points.__getitem__, kept))
        if points <= 0:
            return None
        return (self.fixed_score + sum(map(self.scores.__getitem__, kept))) / points


def _find_kept(
    candidates: _Candidates, bounds: tuple[float, float, float], margin: float
) -> list[int] | None:
    """The positions to keep; None if others could be kept within the margin."""
    low, ratio, high = bounds
    keep = candidates.keep
    for _ in range(MAX_STEPS):
        surpluses = candidates.surpluses(ratio)
        ranked = sorted(surpluses, reverse=True)
        last, first = ranked[keep - 1], ranked[keep]
        if last > first:
            kept = [position for position, surplus in enumerate(surpluses) if surplus >= last]
        else:
            order = sorted(range(len(surpluses)), key=surpluses.__getitem__, reverse=True)
            kept = order[:keep]
        following = candidates.ratio(kept)
        if following is None:
            return None
        following = min(max(following, low), high)
        if abs(following - ratio) <= ROUNDING_ERROR * abs(ratio):
            size = max(map(abs, candidates.scores)) + abs(ratio) * max(candidates.points)
            margin += 2 * ROUNDING_ERROR * size
            is_clear = last - first > margin or _are_equal(candidates, surpluses, kept, margin)
            return kept if is_clear else None
        ratio = following
    return None


def _are_equal(
    candidates: _Candidates, surpluses: list[float], kept: list[int], margin: float
) -> bool:
    """Whether all that could be exchanged between kept and dropped are equal."""
    dropped = set(range(len(surpluses))).difference(kept)
    last = min(surpluses[position] for position in kept)
    first = max(surpluses[position] for position in dropped)
    near = {position for position in kept if surpluses[position] - first <= margin}
    near |= {position for position in dropped if last - surpluses[position] <= margin}
    return len({(candidates.scores[i], candidates.points[i]) for i in near}) == 1
