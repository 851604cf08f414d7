"""A slow calculation of a course's totals that follows the facts in docs/canvas.md step by step.

It has no shortcut: each group is bisected with decimal numbers of any length, and each quotient is
divided by hand. `test_course_totals.py` holds the fast calculation against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, localcontext

from domain.course_totals import CalculatedTotals, GradedItem, GroupRules

UNLIMITED = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


@dataclass
class Work:
    """An assignment as it counts in one of the two totals."""

    assignment: GradedItem
    score: float
    exact_score: Decimal
    total: Decimal


def reference_totals(
    groups: list[GroupRules], items: list[GradedItem], *, weighted: bool, completed: bool
) -> CalculatedTotals:
    with localcontext(UNLIMITED):
        current = _calculate(groups, items, _counts_now, weighted=weighted)
        final = _calculate(
            groups,
            items,
            lambda item: _counts_at_the_end(item, completed=completed),
            weighted=weighted,
        )
    return CalculatedTotals(current[0], final[0], current[1], final[1])


def _counts_now(item: GradedItem) -> bool:
    graded = item.posted and item.score is not None and not item.excused
    return item.counts and graded and not item.pending_review


def _counts_at_the_end(item: GradedItem, *, completed: bool) -> bool:
    if not item.posted:
        return item.counts and not completed
    return item.counts and not item.excused


def _calculate(
    groups: list[GroupRules],
    items: list[GradedItem],
    counts: Callable[[GradedItem], bool],
    *,
    weighted: bool,
) -> tuple[float | None, tuple[str, ...]]:
    kept_by_group = []
    dropped: list[str] = []
    for group in groups:
        works = [_work(item) for item in items if item.group_id == group.id and counts(item)]
        works.sort(key=lambda work: numeric_id(work.assignment.assignment_id))
        kept = _after_drop_rules(works, group)
        kept_by_group.append((group, kept))
        dropped += [w.assignment.assignment_id for w in works if all(w is not k for k in kept)]
    total = _total_by_weight(kept_by_group) if weighted else _total_by_points(kept_by_group)
    return total, tuple(dropped)


def _work(item: GradedItem) -> Work:
    score = float(item.score or 0) if item.posted else 0.0
    return Work(item, score, shortest(score), rounded_points(item.points_possible))


def numeric_id(id: str) -> int:
    shard, _, local = id.rpartition("~")
    return int(shard or 0) * 10_000_000_000_000 + int(local)


def _after_drop_rules(works: list[Work], group: GroupRules) -> list[Work]:
    if group.drop_lowest == 0 and group.drop_highest == 0:
        return works
    protected = [w for w in works if w.assignment.assignment_id in group.never_drop]
    open_to_drop = [w for w in works if w.assignment.assignment_id not in group.never_drop]
    if not open_to_drop:
        return protected
    lowest = min(group.drop_lowest, len(open_to_drop) - 1)
    highest = group.drop_highest if lowest + group.drop_highest < len(open_to_drop) else 0
    after_lowest = len(open_to_drop) - lowest
    after_both = after_lowest - highest
    if all(work.total <= 0 for work in works):
        by_score = sorted(open_to_drop, key=lambda work: work.score)
        return by_score[lowest : lowest + after_both] + protected
    largest = max(work.total for work in works)
    best = bisect(open_to_drop, protected, after_lowest, largest, direction=1)
    if len(best) > after_both and all(work.total == 0 for work in best + protected):
        # Canvas's own accident: the substitute list contains the protected ones as well.
        by_score = sorted(best + protected, key=lambda work: work.score)
        return by_score[len(by_score) - after_both :] + protected
    return bisect(best, protected, after_both, largest, direction=-1) + protected


def bisect(
    works: list[Work], protected: list[Work], keep: int, largest: Decimal, *, direction: int
) -> list[Work]:
    """Search the percentage at which the best (1) or worst (-1) `keep` works are worth just it."""
    if len(works) <= keep:
        return works
    low, high = _search_range(works + protected)
    smallest_step = quotient(Decimal(1), Decimal(2 * keep) * largest**2)
    target = quotient(low + high, Decimal(2))
    chosen, excess = _choose(works, protected, keep, target, direction)
    while not high - low < smallest_step:
        low, high = (low, target) if excess < 0 else (target, high)
        target = quotient(low + high, Decimal(2))
        if target in {low, high}:
            break
        chosen, excess = _choose(works, protected, keep, target, direction)
    return chosen


def _choose(
    works: list[Work], protected: list[Work], keep: int, target: Decimal, direction: int
) -> tuple[list[Work], Decimal]:
    rates = [_rate(work, target) for work in works]
    # Pairs put equal ratings in the order of the numbers, as a stable sort does.
    best = sorted((-direction * rate, number) for number, rate in enumerate(rates))[:keep]
    excess = sum((rates[number] for _, number in best), Decimal(0))
    excess += sum((_rate(work, target) for work in protected), Decimal(0))
    return [works[number] for _, number in best], excess


def _rate(work: Work, target: Decimal) -> Decimal:
    return work.exact_score - target * work.total


def _search_range(works: list[Work]) -> tuple[Decimal, Decimal]:
    with_points = [work for work in works if work.total != 0]
    without_points = [work for work in works if work.total == 0]
    percentages = sorted(quotient(work.exact_score, work.total) for work in with_points)
    if not without_points:
        return percentages[0], percentages[-1]
    possible = sum((work.total for work in with_points), Decimal(0))
    earned, extra = 0.0, 0.0
    for work in with_points:
        earned += work.score
    for work in without_points:
        extra += work.score
    is_full = possible >= shortest(earned)
    most = float(possible + shortest(extra)) if is_full else earned + extra
    return percentages[0], quotient(shortest(most), possible)


def _total_by_points(kept_by_group: list[tuple[GroupRules, list[Work]]]) -> float | None:
    works = [work for _, kept in kept_by_group for work in kept]
    possible = sum((work.total for work in works), Decimal(0))
    if possible <= 0:
        return None
    earned = sum((work.exact_score for work in works), Decimal(0))
    return half_up(quotient(shortest(float(earned)), possible) * 100)


def _total_by_weight(kept_by_group: list[tuple[GroupRules, list[Work]]]) -> float | None:
    total, weights = Decimal(0), 0.0
    for group, kept in kept_by_group:
        possible = sum((work.total for work in kept), Decimal(0))
        if possible != 0:
            earned = sum((work.exact_score for work in kept), Decimal(0))
            weight = float(group.weight or 0)
            total += quotient(earned, possible) * shortest(weight)
            weights += weight
    if weights == 0:
        return None
    if weights < 100:
        total = quotient(total, Decimal(str(weights))) * 100
    return round_as_printed(float(total))


def shortest(number: float) -> Decimal:
    """The digits with which a float is printed, cut off after the sixteenth."""
    mantissa, _, exponent = f"{Decimal(repr(float(number))):e}".lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    return Decimal(f"{whole}.{decimals[:15] or 0}e{exponent}")


def rounded_points(points: float | None) -> Decimal:
    return Decimal(f"{float(points or 0):.14e}")


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Long division to max(32, 16 more than the longer operand) digits, rounded half up."""
    if not dividend:
        return Decimal(0)
    (top, top_exponent), (bottom, bottom_exponent) = _parts(dividend), _parts(divisor)
    length = max(32, max(_length(top, top_exponent), _length(bottom, bottom_exponent)) + 16)
    shift = max(0, length + len(str(bottom)) - len(str(top)) + 1)
    digits = top * 10**shift // bottom
    spare = 10 ** (len(str(digits)) - length)
    rounded, cut = divmod(digits, spare)
    if 2 * cut >= spare:  # a rest after an exact half changes nothing: halves are rounded up
        rounded += 1
    sign = 1 if (dividend > 0) == (divisor > 0) else -1
    return Decimal(sign * rounded * spare).scaleb(top_exponent - bottom_exponent - shift)


def _parts(number: Decimal) -> tuple[int, int]:
    """The digits of a number without its sign and its last zeros, and the power of ten."""
    mantissa, _, exponent = f"{abs(number):e}".partition("e")
    whole, _, decimals = mantissa.partition(".")
    digits = (whole + decimals).rstrip("0")
    return int(digits), int(exponent) - len(digits) + 1


def _length(digits: int, exponent: int) -> int:
    """How many digits the number has when it is written without a zero before the point."""
    before_point = max(0, len(str(digits)) + exponent)
    return before_point + max(0, -exponent)


def half_up(number: Decimal) -> float:
    hundredths = abs(number) * 100
    nearest = int(hundredths + Decimal("0.5"))
    return float(Decimal(nearest) / 100) * (1 if number >= 0 else -1)


def round_as_printed(number: float) -> float:
    """Half away from zero, where the float nearest to a half counts as the half."""
    hundredths = int(abs(number) * 100)
    while (hundredths + 0.5) / 100 <= abs(number) or abs(number) * 100 - hundredths >= 0.5:
        hundredths += 1
    return hundredths / 100 * (1 if number >= 0 else -1)
