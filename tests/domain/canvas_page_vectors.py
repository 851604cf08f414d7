"""Courses and totals from the tests of Canvas's grades page, as numbers.

These tests of Canvas check the code that runs in the browser. The vectors are those for which the
server gives the same result. The result of a group is in per cent of its points.
"""

from tests.domain.canvas_total_vectors import (
    COURSES_JS,
    FIVE,
    FIVE_30,
    FOUR,
    GROUPS_JS,
    NINES,
    THREE,
    UNPOINTED,
    Vector,
    one,
    pair,
    two,
)


def share(score: float, possible: float) -> float:
    """The percentage of exact halves and less, rounded to hundredths."""
    return round(score / possible * 100, 2)


PAGE_VECTORS = [
    Vector(GROUPS_JS, one(FIVE), share(159, 284), share(159, 1284)),
    Vector(
        GROUPS_JS,
        one([(100, 100), (42, 91, "excused"), *FIVE[2:]]),
        share(117, 193),
        share(117, 1193),
    ),
    Vector(
        GROUPS_JS,
        one([(100, 100), (42, 91, "pending"), *FIVE[2:]]),
        share(117, 193),
        share(159, 1284),
    ),
    Vector(
        GROUPS_JS,
        one([*FIVE[:2], (14, 55, "omitted"), *FIVE[3:]]),
        share(145, 229),
        share(145, 1229),
    ),
    Vector(GROUPS_JS, one([(10, 0), (10, 10)]), 200.0, 200.0),
    Vector(GROUPS_JS, one(THREE, lowest=1), share(48, 64), share(48, 64), dropped=((3,), (3,))),
    Vector(
        GROUPS_JS,
        one([(31, 0), (17, 24), (6, 10)], lowest=1),
        share(37, 10),
        share(37, 10),
        dropped=((2,), (2,)),
    ),
    Vector(
        GROUPS_JS, one([(31, 40), (17, 24), (None, 10)], lowest=1), share(31, 40), share(48, 64)
    ),
    Vector(
        GROUPS_JS,
        one([(31, 40), (17, 24), (7, 10)], lowest=1),
        share(38, 50),
        share(38, 50),
        dropped=((2,), (2,)),
    ),
    Vector(GROUPS_JS, one(THREE), share(54, 74), share(54, 74)),
    Vector(GROUPS_JS, one([(10, 10)] * 3, lowest=1), 100.0, 100.0, dropped=((3,), (3,))),
    Vector(GROUPS_JS, one([(15, 0), (5, 0), (10, 0)], lowest=1), None, None, dropped=((2,), (2,))),
    Vector(GROUPS_JS, one([(10, 0)] * 3, lowest=1), None, None, dropped=((1,), (1,))),
    Vector(
        GROUPS_JS,
        one(FIVE, lowest=2),
        share(103, 138),
        share(156, 246),
        dropped=((2, 3), (4, 5)),
    ),
    Vector(GROUPS_JS, one(FIVE, lowest=4), 100.0, 100.0, dropped=((2, 3, 4), (2, 3, 4, 5))),
    Vector(GROUPS_JS, one(THREE, highest=1), share(23, 34), share(23, 34), dropped=((1,), (1,))),
    Vector(GROUPS_JS, one([(None, 40), (17, 24), (6, 10)], highest=1), share(6, 10), share(6, 50)),
    Vector(
        GROUPS_JS,
        one([(31, 40), (17, 24), (10, 10)], highest=1),
        share(48, 64),
        share(48, 64),
        dropped=((3,), (3,)),
    ),
    Vector(
        GROUPS_JS, one([(2, 10), (2, 10), (10, 50)], highest=1), 20.0, 20.0, dropped=((3,), (3,))
    ),
    Vector(GROUPS_JS, one([(10, 0)] * 3, highest=1), None, None, dropped=((3,), (3,))),
    Vector(
        GROUPS_JS,
        one(FIVE_30, highest=2),
        share(56, 146),
        share(44, 1093),
        dropped=((1, 4), (1, 2)),
    ),
    Vector(
        GROUPS_JS,
        one(FIVE_30, highest=4),
        share(186, 284),
        0.0,
        dropped=((), (1, 2, 3, 4)),
    ),
    Vector(GROUPS_JS, one(FIVE_30, highest=5), share(186, 284), share(186, 1284), dropped=((), ())),
    Vector(
        GROUPS_JS,
        one(FIVE, lowest=1, highest=1),
        share(56, 146),
        share(59, 184),
        dropped=((1, 4), (1, 5)),
    ),
    Vector(
        GROUPS_JS,
        one(FIVE, lowest=2, highest=2),
        share(103, 138),
        share(14, 55),
        dropped=((2, 3), (1, 2, 4, 5)),
    ),
    Vector(
        GROUPS_JS,
        one(FIVE, lowest=2, highest=3),
        share(103, 138),
        share(156, 246),
        dropped=((2, 3), (4, 5)),
    ),
    Vector(GROUPS_JS, one(NINES, lowest=1), 90.0, 90.0, dropped=((4,), (4,))),
    Vector(GROUPS_JS, one(NINES, highest=1), 90.0, 90.0, dropped=((4,), (4,))),
    Vector(GROUPS_JS, one(UNPOINTED, lowest=1), None, None, dropped=((4,), (4,))),
    Vector(GROUPS_JS, one(UNPOINTED, highest=1), None, None, dropped=((3,), (3,))),
    Vector(GROUPS_JS, one(UNPOINTED, lowest=2, highest=1), None, None, dropped=((2, 3, 4),) * 2),
    Vector(GROUPS_JS, one([(None, 5), (None, 10), (None, 20)]), None, 0.0),
    Vector(
        GROUPS_JS,
        one(FOUR, lowest=1, never=(4,)),
        share(56, 74),
        share(56, 74),
        dropped=((3,), (3,)),
    ),
    Vector(
        GROUPS_JS,
        one(FOUR, highest=1, never=(1,)),
        share(49, 66),
        share(49, 66),
        dropped=((2,), (2,)),
    ),
    Vector(
        GROUPS_JS,
        one(FOUR, lowest=1, never=(3, 4)),
        share(49, 66),
        share(49, 66),
        dropped=((2,), (2,)),
    ),
    Vector(
        GROUPS_JS,
        one(FOUR, lowest=1, never=(2, 3, 4)),
        share(68, 90),
        share(68, 90),
        dropped=((), ()),
    ),
    Vector(GROUPS_JS, one(FOUR, highest=1, never=(2, 3, 4)), share(68, 90), share(68, 90)),
    Vector(GROUPS_JS, one(FOUR, lowest=1, never=(1, 2, 3, 4)), share(68, 90), share(68, 90)),
    Vector(COURSES_JS, two(50, 50), 46.31, 37.95, weighted=True),
    Vector(COURSES_JS, two(5, 5), 46.31, 37.95, weighted=True),
    Vector(COURSES_JS, two(100, 100), 92.63, 75.9, weighted=True),
    Vector(COURSES_JS, two(75, 25), 60.33, 56.15, weighted=True),
    Vector(COURSES_JS, two(33.33, 50), 40.7, 30.67, weighted=True),
    Vector(COURSES_JS, two(None, None), None, None, weighted=True),
    Vector(COURSES_JS, pair((124.46, 148), (144.53, 148), (50, 50)), 90.88, 90.88, weighted=True),
    Vector(COURSES_JS, pair((81.01, 100), (96.08, 100), (40, 40)), 88.55, 88.55, weighted=True),
    Vector(
        COURSES_JS,
        [
            (10, {}, [(194.5, 200)]),
            (10, {}, [(100, 100)]),
            (50, {}, [(94.5, 100)]),
            (30, {}, [(89.5, 100)]),
        ],
        93.83,
        93.83,
        weighted=True,
    ),
    Vector(COURSES_JS, pair((110.1, 120), (170.7, 180), (10, 10)), share(280.8, 300), 93.6),
    Vector(COURSES_JS, pair((None, 5), (None, 20), (100, 0)), None, 0.0, weighted=True),
    *(
        Vector(
            COURSES_JS,
            [
                (weights[0], {}, [(10, 10), (5, 10)]),
                (weights[1], {}, [(12, 20)]),
                (weights[1], {}, [(16, 40)]),
            ],
            total,
            total,
            weighted=True,
        )
        for weights, total in (((60, 20), 65.0), ((6, 2), 65.0), ((120, 40), 130.0))
    ),
]
