"""Grading periods of a course: which one is current, and to which one an assignment belongs."""

from typing import NamedTuple


class GradingPeriod(NamedTuple):
    """A grading period; times are in seconds since 1970, `weight` is in percent."""

    id: int
    title: str
    starts: int
    ends: int
    closes: int
    weight: float | None = None

    def contains(self, time: int) -> bool:
        """Whether a time is inside; the start is not, the end is."""
        return self.starts < time <= self.ends


class PeriodGroup(NamedTuple):
    """The grading periods of a course, in the order of their dates.

    If `weighted` is true, the total of the course is made of those of its periods. If
    `shows_totals_for_all` is true, students see a total over all periods.
    """

    id: int
    periods: tuple[GradingPeriod, ...]
    weighted: bool = False
    shows_totals_for_all: bool = True

    def current(self, now: int) -> GradingPeriod | None:
        """The period that is current at a time; None between periods."""
        return next((period for period in self.periods if period.contains(now)), None)

    def of_due_date(self, due_at: int | None) -> GradingPeriod | None:
        """The period of a due date; without a date it is the last one."""
        if due_at is None:
            return self.periods[-1]
        return next((period for period in self.periods if period.contains(due_at)), None)

    def is_closed(self, period: GradingPeriod | None, now: int) -> bool:
        """Whether grades of a period can no longer change; None is after the last one."""
        return (period or self.periods[-1]).closes < now

    def dates(self) -> list[int]:
        """Every date at which a period starts, ends or closes."""
        return [time for period in self.periods for time in (period.starts, period.ends)] + [
            period.closes for period in self.periods
        ]
