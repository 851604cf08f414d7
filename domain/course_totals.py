"""Calculates a course's totals from its assignments: the numbers that the Canvas server calculates.

What Canvas does, with sources, is in docs/canvas.md.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.canvas_decimals import EXACT, divide, round_decimal, round_float, to_decimal
from domain.drop_rules import apply_drop_rules
from domain.drop_shortcut import Entry
from domain.group_totals import GroupSum, add_up, points_total, weighted_total

SHARD_SIZE = 10**13
"""Canvas numbers the records of a shard from shard * SHARD_SIZE; `7~5` is record 5 of shard 7."""


LARGEST = 1e15
"""A score, weight or number of points from here is refused; Canvas permits far less."""


class GradedItem(NamedTuple):
    """What an assignment and the student's submission contribute to the totals."""

    assignment_id: str
    group_id: str
    points_possible: float | None
    score: float | None
    """In points; None without a grade. May be negative or above the points possible."""
    excused: bool
    pending_review: bool
    """Whether a part of the submission waits for a person's review (`pending_review`)."""
    counts: bool
    """False if omitted from the final grade, `not_graded`, unpublished or not assigned."""
    posted: bool = True
    """False if Canvas has no `posted_at`: score and excuse are then ignored."""


class GroupRules(NamedTuple):
    """How an assignment group contributes to the totals."""

    id: str
    weight: float | None
    """In per cent."""
    drop_lowest: int = 0
    drop_highest: int = 0
    never_drop: Collection[str] = ()
    """Ids of assignments."""


class CalculatedTotals(NamedTuple):
    """The totals in per cent, rounded to hundredths; None where nothing counts."""

    current_score: float | None
    """Without what has no posted grade."""
    final_score: float | None
    """With 0 points for what has no posted grade."""
    current_dropped: tuple[str, ...] = ()
    """The ids of the assignments that the drop rules leave out of the current score."""
    final_dropped: tuple[str, ...] = ()


def calculate_totals(
    groups: Sequence[GroupRules],
    items: Iterable[GradedItem],
    *,
    weighted: bool,
    completed: bool = False,
) -> CalculatedTotals:
    """Calculate the totals of a course or, from the assignments of a period alone, of the period.

    The groups must be in Canvas's order. `weighted` is whether the groups have weights;
    `completed` is whether the student's every enrollment in the course is completed.

    Raises: ValueError if a score, weight or points possible is not a number or 10**15 or more.
    """
    for group in groups:
        if not -LARGEST < (group.weight or 0) < LARGEST:
            raise ValueError(f"The weight of group {group.id} must be below 10**15: {group.weight}")
    members = _members(groups, items, completed=completed)
    current: list[GroupSum] = []
    final: list[GroupSum] = []
    current_dropped: list[str] = []
    final_dropped: list[str] = []
    for group in groups:
        counted, graded = members[group.id]
        added = _add_up(counted, group, final_dropped)
        final.append(added)
        if len(graded) < len(counted):
            current.append(_add_up(graded, group, current_dropped))
        else:
            current.append(added)
            if len(added[3]) < len(counted):
                current_dropped += _missing(counted, added[3])
    total = weighted_total if weighted else points_total
    return CalculatedTotals(
        total(current), total(final), tuple(current_dropped), tuple(final_dropped)
    )


def _members(
    groups: Iterable[GroupRules], items: Iterable[GradedItem], *, completed: bool
) -> dict[str, tuple[list[Entry], list[Entry]]]:
    """What counts in each group for the final and for the current score, before the drop rules."""
    members: dict[str, tuple[list[Entry], list[Entry]]] = {group.id: ([], []) for group in groups}
    least, most = -LARGEST, LARGEST
    for assignment_id, group_id, possible, score, excused, pending_review, counts, posted in items:
        if not counts or group_id not in members:
            continue
        earned, points = score or 0.0, possible or 0.0
        if not (least < earned < most and least < points < most):
            raise ValueError(f"Score and points of assignment {assignment_id} must be below 10**15")
        counted, graded = members[group_id]
        if not posted:
            if not completed:
                counted.append((0.0, points, assignment_id))
        elif not excused:
            entry = (earned, points, assignment_id)
            counted.append(entry)
            if score is not None and not pending_review:
                graded.append(entry)
    return members


def _add_up(entries: list[Entry], group: GroupRules, dropped: list[str]) -> GroupSum:
    """The sum of what counts in a group; what the drop rules leave out is added to `dropped`."""
    if not (group.drop_lowest or group.drop_highest):
        return add_up(group.weight or 0.0, entries)
    _sort_by_number(entries)
    kept = apply_drop_rules(
        entries,
        drop_lowest=group.drop_lowest,
        drop_highest=group.drop_highest,
        never_drop=group.never_drop,
    )
    if len(kept) < len(entries):
        dropped += _missing(entries, kept)
    return add_up(group.weight or 0.0, kept)


def _missing(entries: list[Entry], kept: list[Entry]) -> list[str]:
    kept_ids = {entry[2] for entry in kept}
    return [entry[2] for entry in entries if entry[2] not in kept_ids]


def _sort_by_number(entries: list[Entry]) -> None:
    """Sort in Canvas's numeric order of assignment ids."""
    try:
        entries.sort(key=lambda entry: int(entry[2]))
    except ValueError:
        entries.sort(key=lambda entry: _number(entry[2]))


def _number(id: str) -> tuple[int, str]:
    """The number of an id, also of one in another shard; an id of another form comes first."""
    shard, _, local = id.rpartition("~")
    if local.isdecimal() and (shard.isdecimal() or not shard):
        return int(shard or 0) * SHARD_SIZE + int(local), ""
    return -1, id


def grade_for(
    score: float | None,
    scheme: Sequence[tuple[str, float]],
    *,
    scaling_factor: float | None = None,
) -> str | None:
    """The grade of a total in per cent, such as `B+`; None without a score or a scheme.

    `scheme` has each grade with its lowest share (0.9 for 90 per cent), in any order.
    `scaling_factor` is that of a scheme based on points, None for others. A score below all
    grades has the lowest grade.

    Raises: ValueError if the score is not a number or 10**15 or more.
    """
    if score is None or not scheme:
        return None
    if not -LARGEST < score < LARGEST:
        raise ValueError(f"A score must be below 10**15 per cent: {score}")
    with localcontext(EXACT):
        percentage = max(Decimal(0), _scale(score, scaling_factor))
        ordered = sorted(
            ((Decimal(repr(float(lowest))) * 100, grade) for grade, lowest in scheme),
            key=lambda bound: -bound[0],
        )
        return next((grade for lowest, grade in ordered if percentage >= lowest), ordered[-1][1])


def _scale(score: float, scaling_factor: float | None) -> Decimal:
    """The percentage that is compared with the scheme: rounded in the scheme's own points."""
    percentage = to_decimal(score)
    if scaling_factor is None:
        return Decimal(repr(float(score)))
    if scaling_factor > 0 and scaling_factor != 100:  # noqa: PLR2004
        factor = Decimal(repr(float(scaling_factor)))
        points = divide(percentage, divide(Decimal(100), factor))
        percentage = divide(Decimal(repr(round_decimal(points))), factor) * 100
        return Decimal(repr(round_decimal(percentage)))
    return Decimal(repr(round_float(score)))
