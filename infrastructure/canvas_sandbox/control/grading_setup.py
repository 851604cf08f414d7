"""Operations on how a course is graded: groups, grading periods, scheme, what students see."""

from collections.abc import Mapping, Sequence
from typing import Any

from infrastructure.canvas_sandbox.model import Course, DropRules, Group
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod, PeriodGroup
from infrastructure.canvas_sandbox.sandbox_clock import parse_time
from infrastructure.canvas_sandbox.state import SandboxState

PERIOD_IDS_PER_COURSE = 100


class GradingSetup:
    """Changes the rules by which totals are calculated and shown."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def groups(self, course_id: int | str) -> list[dict[str, Any]]:
        """List the assignment groups of a course with their weights, positions and drop rules."""
        return [
            {
                "id": str(group.id),
                "name": group.name,
                "position": group.position,
                "weight": group.weight,
                "lowest": group.rules.lowest,
                "highest": group.rules.highest,
                "never": [str(id_) for id_ in group.rules.never],
            }
            for group in self._state.courses[int(course_id)].groups
        ]

    def set_grading_periods(
        self,
        course_id: int | str,
        periods: Sequence[Mapping[str, Any]],
        *,
        weighted: bool = False,
        totals_for_all: bool = True,
    ) -> list[str]:
        """Set periods of `title`, `starts_at` and `ends_at` (none removes all); returns their ids.

        `closes_at` and `weight` are optional. `totals_for_all` permits a total over all periods.
        """
        course = self._changed(course_id)
        first_id = (course.index + 1) * PERIOD_IDS_PER_COURSE
        found = tuple(
            _read_period(first_id + number, period) for number, period in enumerate(periods)
        )
        course.periods = PeriodGroup(first_id, found, weighted, totals_for_all) if found else None
        return [str(period.id) for period in found]

    def set_grading_scheme(
        self, course_id: int | str, scheme: Sequence[Sequence[str | float]] | None
    ) -> None:
        """Set the letters of a course with the lowest share of each, highest first, or none."""
        self._changed(course_id).scheme = (
            None if scheme is None else tuple((str(grade), float(bound)) for grade, bound in scheme)
        )

    def set_drop_rules(
        self,
        group_id: int | str,
        *,
        lowest: int = 0,
        highest: int = 0,
        never: Sequence[int | str] = (),
    ) -> None:
        """Drop so many of the lowest and highest scores of a group, but never some assignments."""
        self._changed_group(group_id).rules = DropRules(
            lowest, highest, tuple(int(id_) for id_ in never)
        )

    def set_group_weight(self, group_id: int | str, weight: float) -> None:
        """Change the weight of a group, in percent."""
        self._changed_group(group_id).weight = weight

    def weight_groups(self, course_id: int | str, *, weighted: bool = True) -> None:
        """Let group weights decide the totals of a course, or points alone."""
        self._changed(course_id).weighted = weighted

    def move_group(self, group_id: int | str, position: int) -> None:
        """Change the position of a group; lists are sorted by it."""
        self._changed_group(group_id).position = position

    def hide_totals(self, course_id: int | str, *, hidden: bool = True) -> None:
        """Hide the totals of a course, as `hide_final_grades` does, or show them."""
        self._changed(course_id).totals_hidden = hidden

    def hide_statistics(self, course_id: int | str, *, hidden: bool = True) -> None:
        """Hide the statistics of scores from students, or show them."""
        self._changed(course_id).statistics_hidden = hidden

    def _changed(self, course_id: int | str) -> Course:
        course = self._state.courses[int(course_id)]
        self._state.record_change(course)
        return course

    def _changed_group(self, group_id: int | str) -> Group:
        course, group = self._state.find_group(int(group_id))
        self._state.record_change(course)
        return group


def _read_period(id_: int, period: Mapping[str, Any]) -> GradingPeriod:
    ends = parse_time(period["ends_at"])
    closes_at, weight = period.get("closes_at"), period.get("weight")
    return GradingPeriod(
        id_,
        str(period["title"]),
        parse_time(period["starts_at"]),
        ends,
        ends if closes_at is None else parse_time(closes_at),
        None if weight is None else float(weight),
    )
