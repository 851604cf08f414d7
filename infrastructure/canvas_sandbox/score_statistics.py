"""The statistics of the scores of an assignment, which Canvas shows if there are enough."""

from collections.abc import Iterable, Iterator
from random import Random
from statistics import fmean, median, quantiles
from typing import NamedTuple

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission

MIN_SCORES = 5


class ScoreStatistics(NamedTuple):
    """The lowest, highest and mean score, and the quartiles."""

    min: float
    max: float
    mean: float
    lower_q: float
    median: float
    upper_q: float


def calculate_statistics(
    course: Course, assignment: Assignment, works: Iterable[Submission | None], seed: int
) -> ScoreStatistics | None:
    """Calculate the statistics of the posted scores of an assignment; None if they are few.

    `works` are the submissions of students of the sandbox; scores of the classmates of the course
    are generated from the seed.
    """
    served = (work.score for work in works if work is not None and work.posted_at is not None)
    scores = [score for score in served if score is not None]
    scores += _classmate_scores(course, assignment, seed)
    if len(scores) < MIN_SCORES:
        return None
    lower, _, upper = quantiles(scores, n=4, method="inclusive")
    numbers = (min(scores), max(scores), fmean(scores), lower, median(scores), upper)
    return ScoreStatistics(*(round(number, 1) for number in numbers))


def may_show_statistics(course: Course, work: Submission | None) -> bool:
    """Whether a student with this submission may see the statistics."""
    return (
        not course.statistics_hidden
        and work is not None
        and work.score is not None
        and not work.hidden
    )


def _classmate_scores(course: Course, assignment: Assignment, seed: int) -> Iterator[float]:
    situation, points = assignment.situation, assignment.points or 0.0
    if situation is None or situation.graded_days is None or situation.excused:
        return
    rng = Random(f"{seed}/classmates/{assignment.id}")  # noqa: S311  must be reproducible
    for _ in range(course.classmates):
        yield round(rng.uniform(*situation.score_share) * points * 2) / 2
