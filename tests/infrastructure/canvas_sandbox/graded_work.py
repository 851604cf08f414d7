"""Courses with assignments and grades, to calculate totals from."""

from collections.abc import Sequence

from infrastructure.canvas_sandbox.grade_calculation import Totals, calculate_totals
from infrastructure.canvas_sandbox.model import (
    NO_RULES,
    Assignment,
    Course,
    DropRules,
    Group,
    Submission,
    Term,
    Work,
)

Grade = tuple[float | None, float | None]
"""The score and the points possible of one assignment."""


def make_course(*groups: Group, weighted: bool = False) -> Course:
    return Course(
        id=1,
        index=0,
        name="Algebra",
        code="A",
        term=Term(1, "Fall", None, None),
        time_zone="UTC",
        created_at=0,
        teachers=[],
        groups=list(groups),
        weighted=weighted,
    )


def make_group(number: int = 1, weight: float = 0.0) -> Group:
    return Group(number, f"Group {number}", number, weight)


def add_work(course: Course, group: Group, grades: Sequence[Grade], work: Work) -> None:
    """Add assignments with posted submissions, which are graded if they have a score."""
    for score, points in grades:
        id_ = len(course.assignments) + 1
        item = Assignment(
            id=id_,
            name="Homework",
            group=group,
            position=id_,
            description="",
            due_at=None,
            unlock_at=None,
            lock_at=None,
            points=points,
            grading_type="points",
            submission_type="online_upload",
            created_at=0,
            updated_at=0,
        )
        course.assignments[id_] = item
        state = "unsubmitted" if score is None else "graded"
        work[id_] = Submission(
            id=id_, user_id=1, assignment=item, score=score, posted_at=1, state=state
        )


def totals_of(grades: Sequence[Grade], rules: DropRules = NO_RULES) -> Totals:
    group, work = make_group(), Work()
    group.rules = rules
    course = make_course(group)
    add_work(course, group, grades, work)
    return calculate_totals(course, work).whole
