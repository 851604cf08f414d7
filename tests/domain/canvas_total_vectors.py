"""Courses and totals from Canvas's own tests, as numbers.

A course is written as `{group id: (weight, rules, work)}` and work as `(score, points)` pairs, with
flags as a third part. Assignments are numbered from 1 in the order of writing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.course_totals import GradedItem, GroupRules

Work = tuple[float | None, float | None] | tuple[float | None, float | None, str]
Group = tuple[float | None, dict[str, object], Sequence[Work]]

SPEC = "spec/lib/grade_calculator_spec.rb"
EXAMPLES = "the examples of GradeCalculatorSpec.js, in spec/lib"
GROUPS_JS = "ui/shared/grading/__tests__/AssignmentGroupGradeCalculator*.test.js"
COURSES_JS = "ui/shared/grading/__tests__/CourseGradeCalculator*.test.js"
ISSUE = "issue 2299 of instructure/canvas-lms"


class Vector(NamedTuple):
    """A course and what Canvas calculates for it."""

    source: str
    course: Sequence[Group]
    current: float | None
    final: float | None
    weighted: bool = False
    dropped: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    completed: bool = False


def groups_of(vector: Vector) -> list[GroupRules]:
    groups = []
    for number, (weight, rules, _) in enumerate(vector.course):
        never = rules.get("never", ())
        assert isinstance(never, tuple)
        groups.append(
            GroupRules(
                str(number),
                weight,
                int(str(rules.get("lowest", 0))),
                int(str(rules.get("highest", 0))),
                frozenset(map(str, never)),
            )
        )
    return groups


def items_of(vector: Vector) -> list[GradedItem]:
    written = [(str(n), work) for n, (_, _, works) in enumerate(vector.course) for work in works]
    return [_item(str(id), group, *work) for id, (group, work) in enumerate(written, 1)]


def _item(
    id: str, group: str, score: float | None, points: float | None, flag: str = ""
) -> GradedItem:
    """`flag` is empty, `excused`, `omitted`, `hidden` or `pending`."""
    return GradedItem(
        id,
        group,
        points,
        score,
        excused=flag == "excused",
        pending_review=flag == "pending",
        counts=flag != "omitted",
        posted=flag != "hidden",
    )


FIVE: list[Work] = [(100, 100), (42, 91), (14, 55), (3, 38), (None, 1000)]
FIVE_30: list[Work] = [(100, 100), (42, 91), (14, 55), (30, 38), (None, 1000)]
THREE: list[Work] = [(31, 40), (17, 24), (6, 10)]
FOUR: list[Work] = [(31, 40), (19, 24), (12, 16), (6, 10)]
NINES: list[Work] = [(9, 10)] * 4
UNPOINTED: list[Work] = [(10, 0), (5, 0), (20, 0), (0, 0)]
RISING: list[Work] = [(0, 10), (10, 20), (28, 50), (91, 100)]
MANY: list[Work] = [
    *[(30, None)] * 3,
    (31, 31),
    (21, 21),
    *[(30, 30)] * 10,
    (29.3, 30),
    *[(30, 30)] * 3,
    (12, 0),
    (30, None),
]
MUTED: list[Group] = [
    (45, {"lowest": 1}, [(35, 150), (99.6, 150, "hidden"), (142.7, 150)]),
    (55, {"lowest": 1}, [(42, 150), (95, 150, "hidden"), (131.4, 150)]),
]
UNMUTED: list[Group] = [
    (45, {"lowest": 1}, [(35, 150), (99.6, 150), (142.7, 150)]),
    (55, {"lowest": 1}, [(42, 150), (95, 150), (131.4, 150)]),
]
NO_SCORE: list[Group] = [(50, {}, [(None, 10), (1, 4)]), (40, {}, [(40, 40)])]
HIDDEN_SCORE: list[Group] = [(50, {}, [(500, 10, "hidden"), (1, 4)]), (40, {}, [(40, 40)])]
EXTRA: list[Group] = [
    (50, {}, [(9, 10)]),
    (25, {}, [(5, 10)]),
    (25, {}, [(10, 0), (5, 0)]),
    (10, {}, []),
]
SIX: list[Group] = [
    (12, {}, [(11.8, 12)]),
    (10, {}, [(82, 82)]),
    (15, {}, [(89.5, 100)]),
    (21, {}, [(85, 100)]),
    (21, {}, [(85, 100)]),
    (21, {}, [(83, 100)]),
]


def one(works: Sequence[Work], **rules: object) -> list[Group]:
    return [(None, rules, works)]


def two(first: float | None, second: float | None) -> list[Group]:
    """Two groups with these weights."""
    return [(first, {}, FIVE[:2]), (second, {}, FIVE[2:])]


def pair(first: Work, second: Work, weights: tuple[float, float]) -> list[Group]:
    """Two groups of one assignment each."""
    return [(weights[0], {}, [first]), (weights[1], {}, [second])]


SERVER_VECTORS = [
    Vector(SPEC, one([(None, 10), (5, 10)]), 50.0, 25.0),
    Vector(SPEC, one([(5, 10), (10, 10, "omitted")]), 50.0, 50.0),
    Vector(SPEC, one([(9, 10), (1, None, "omitted")]), 90.0, 90.0),
    Vector(SPEC, one([(2, 5), (4, 5, "hidden")]), 40.0, 20.0),
    Vector(SPEC, one([(25, 50, "pending"), (50, 50)]), 100.0, 75.0),
    Vector(SPEC, one([(10, 10), (None, 90, "excused")]), 100.0, 100.0),
    Vector(SPEC, one([(88.56, 100), (69.71, 100)]), 79.14, 79.14),
    Vector(
        SPEC,
        one([(5, 10), (None, 10, "hidden"), (None, 10, "hidden")], lowest=1),
        50.0,
        50.0,
        completed=True,
    ),
    Vector(SPEC, SIX, 88.36, 88.36, weighted=True),
    Vector(SPEC, pair((75, 100), (53.75, 100), (9.9, 23.1)), 60.13, 60.13, weighted=True),
    Vector(SPEC, pair((267.9, 200), (53.7, 100), (50, 50)), 93.83, 93.83, weighted=True),
    Vector(SPEC, pair((None, 10), (None, 40), (50, 50)), None, 0.0),
    Vector(SPEC, pair((9, 10), (None, 40), (50, 50)), 90.0, 18.0),
    Vector(SPEC, pair((9, 10), (None, 40), (50, 50)), 90.0, 45.0, weighted=True),
    Vector(SPEC, pair((9, 10), (20, 40), (50, 50)), 70.0, 70.0, weighted=True),
    Vector(SPEC, pair((9, 10), (20, 40), (50, 50)), 58.0, 58.0),
    Vector(SPEC, pair((10, 10), (40, 40), (50, 60)), 110.0, 110.0, weighted=True),
    Vector(SPEC, pair((11, 10), (None, 40), (50, 60)), 110.0, 22.0),
    Vector(SPEC, pair((11, 10), (None, 40), (50, 60)), 110.0, 55.0, weighted=True),
    Vector(SPEC, pair((11, 10), (45, 40), (50, 60)), 122.5, 122.5, weighted=True),
    Vector(SPEC, pair((11, 10), (45, 40), (50, 60)), 112.0, 112.0),
    Vector(SPEC, pair((10, 10), (None, 40), (50, 40)), 100.0, 55.56, weighted=True),
    Vector(SPEC, pair((10, 10), (40, 40), (50, 40)), 100.0, 100.0, weighted=True),
    Vector(SPEC, pair((10, 10), (None, 1), (60, 40)), 100.0, 60.0, weighted=True),
    Vector(SPEC, pair((0, 10), (10, 10), (80, 20)), 20.0, 20.0, weighted=True),
    Vector(SPEC, pair((5, 10), (10, 10, "hidden"), (50, 50)), 50.0, 25.0, weighted=True),
    Vector(SPEC, NO_SCORE, 93.18, 75.93),
    Vector(SPEC, NO_SCORE, 58.33, 48.41, weighted=True),
    Vector(SPEC, HIDDEN_SCORE, 93.18, 75.93),
    Vector(SPEC, HIDDEN_SCORE, 58.33, 48.41, weighted=True),
    Vector(SPEC, MUTED, 90.99, 58.45, weighted=True, dropped=((1, 4), (2, 5))),
    Vector(SPEC, MUTED, 91.37, 58.52),
    Vector(SPEC, UNMUTED, 77.85, 77.85, weighted=True, dropped=((1, 4), (1, 4))),
    Vector(SPEC, UNMUTED, 78.12, 78.12),
    Vector(EXAMPLES, [(None, {}, [])], None, None),
    Vector(EXAMPLES, one([(None, 1)]), None, 0.0),
    Vector(EXAMPLES, one([(10, 0), (10, 10), (10, 10), (None, 10)]), 150.0, 100.0),
    Vector(EXAMPLES, one([(10, 0), (10, 10), (10, 10), (None, 10)], lowest=1), 200.0, 150.0),
    Vector(EXAMPLES, one([(4, 10, "hidden"), (3, 10), (9, 10)], lowest=1), 90.0, 60.0),
    Vector(EXAMPLES, one([(None, 20), (3, 10), (9, 10)], lowest=1), 90.0, 60.0),
    Vector(EXAMPLES, one([(None, 20), (4, 10, "hidden"), (3, 10), (9, 10)], lowest=1), 90.0, 40.0),
    Vector(EXAMPLES, one(UNPOINTED, lowest=1), None, None, dropped=((4,), (4,))),
    Vector(EXAMPLES, one(FIVE), 55.99, 12.38),
    Vector(EXAMPLES, one(FIVE, lowest=1), 63.41, 55.99),
    Vector(EXAMPLES, one(FIVE, lowest=2), 74.64, 63.41),
    Vector(EXAMPLES, one(MANY, lowest=2), 132.12, 132.12),
    Vector(EXAMPLES, one(FIVE, highest=1), 32.07, 4.98),
    Vector(EXAMPLES, one(FIVE, highest=2), 18.28, 1.56),
    Vector(EXAMPLES, one(FIVE, highest=3), 7.89, 0.29),
    Vector(EXAMPLES, one(RISING, highest=1), 47.5, 47.5),
    Vector(EXAMPLES, one(RISING, highest=2), 33.33, 33.33),
    Vector(EXAMPLES, one(RISING, highest=3), 0.0, 0.0),
    Vector(EXAMPLES, one([(10, 10), (9, 10), (8, 10)], lowest=1000, highest=1000), 100.0, 100.0),
    Vector(EXAMPLES, one([(9, 0), (10, 0), (2, 2)], lowest=1, highest=1), None, None),
    Vector(EXAMPLES, one(FIVE, lowest=1, never=(4,)), 63.32, 55.99),
    Vector(
        EXAMPLES, one([(10, 20), (5, 10), (20, 40), (0, 100)], lowest=1, never=(4,)), 18.75, 18.75
    ),
    Vector(
        EXAMPLES, one([(10, 20), (5, 10), (20, 40), (100, 100)], lowest=1, never=(4,)), 88.46, 88.46
    ),
    Vector(
        EXAMPLES,
        one([(101.9, 100), (105.65, 100), (103.8, 100), (0, 0)], lowest=1, never=(3,)),
        104.73,
        104.73,
    ),
    Vector(
        EXAMPLES,
        one([(None, 20), (3, 10), (None, 10), (None, 999_999_999), (None, None)], lowest=2),
        30.0,
        15.0,
    ),
    Vector(EXAMPLES, EXTRA, 76.67, 76.67, weighted=True),
    Vector(EXAMPLES, EXTRA, 145.0, 145.0),
    Vector(
        EXAMPLES, one([(5, 20), (15, 20), (10, 20)], lowest=1), 62.5, 62.5, dropped=((1,), (1,))
    ),
    Vector(
        EXAMPLES, one([(5, 20), (15, 20), (10, 20)], highest=1), 37.5, 37.5, dropped=((2,), (2,))
    ),
    Vector(
        EXAMPLES,
        one([(5, 20), (15, 20), (10, 20)], lowest=2, never=(1,)),
        50.0,
        50.0,
        dropped=((3,), (3,)),
    ),
    *(
        Vector(
            ISSUE,
            one([(100, 100), (42, 91), (14, 55), (last, 38)], lowest=2, highest=1),
            total,
            total,
        )
        for last, total in ((1, 46.15), (2, 46.15), (3, 7.89), (4, 10.53))
    ),
]
