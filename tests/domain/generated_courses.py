"""Random courses with everything that Canvas treats specially in a total."""

from random import Random
from typing import NamedTuple

from domain.course_totals import GradedItem, GroupRules

WEIGHTS = (0.0, 5.0, 10.0, 12.5, 20.0, 25.0, 30.0, 33.3, 33.33, 33.34, 40.0, 50.0, 60.0, 100.0)


class GeneratedCourse(NamedTuple):
    """The arguments of `calculate_totals`."""

    groups: list[GroupRules]
    items: list[GradedItem]
    weighted: bool
    completed: bool


def generate_course(random: Random) -> GeneratedCourse:
    """A course of up to five groups, its assignments in any order."""
    groups: list[GroupRules] = []
    items: list[GradedItem] = []
    first_id = random.choice((1, 95, 99_999, 7752 * 10**13 + 29_515))
    for index in range(random.randint(1, 5)):
        group_id = str(index + 1)
        count = random.choice((0, 1, 2, 3, 4, 5, 6, 8))
        members = _generate_items(random, group_id, first_id + len(items), count)
        items += members
        groups.append(_generate_rules(random, group_id, members))
    random.shuffle(items)
    return GeneratedCourse(groups, items, random.random() < 0.5, random.random() < 0.1)


def _generate_rules(random: Random, group_id: str, members: list[GradedItem]) -> GroupRules:
    weight = random.choice((*WEIGHTS, None))
    if random.random() < 0.25:
        return GroupRules(group_id, weight)
    never = [item.assignment_id for item in members if random.random() < 0.3]
    return GroupRules(
        group_id,
        weight,
        random.choice((0, 1, 1, 2, 3, 9)),
        random.choice((0, 0, 0, 1, 2)),
        frozenset(never) if random.random() < 0.3 else (),
    )


def _generate_items(random: Random, group_id: str, first_id: int, count: int) -> list[GradedItem]:
    points = random.choice(
        (
            (10.0,),
            (0.0,),
            (None, 5.0),
            (10.0, 20.0, 50.0),
            (3.0, 6.0, 7.0, 9.0, 0.0),
            (0.1, 2.5, 30.0),
        )
    )
    shares = random.choice(
        ((1.0,), (0.0, 1.0), (0.5, 1 / 3, 2 / 3), (0.0, 0.9, 1.1, -0.2), None, None)
    )
    return [
        _generate_item(random, group_id, first_id + offset, random.choice(points), shares)
        for offset in range(count)
    ]


def _generate_item(
    random: Random, group_id: str, id: int, points: float | None, shares: tuple[float, ...] | None
) -> GradedItem:
    share = random.choice(shares) if shares else random.uniform(-0.1, 1.2)
    worth = points or random.choice((0.0, 5.0, 12.0))
    score = random.choice((share * worth, round(share * worth, 2), round(share * worth)))
    return GradedItem(
        f"{id // 10**13}~{id % 10**13}" if id > 10**13 else str(id),
        group_id,
        points,
        None if random.random() < 0.12 else score,
        excused=random.random() < 0.05,
        pending_review=random.random() < 0.05,
        counts=random.random() < 0.95,
        posted=random.random() < 0.95,
    )
