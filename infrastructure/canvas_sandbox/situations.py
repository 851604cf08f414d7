"""The situations in which an assignment and the work of a student on it can be."""

from typing import NamedTuple

PAST_DAYS = (-45.0, -4.0)
SOON_DAYS = (2.0, 12.0)
LATER_DAYS = (12.0, 45.0)


class Situation(NamedTuple):
    """One kind of assignment and submission; times are in days.

    `due_days` is the range of due dates, from now; None is without a due date.
    `unlock_days` and `lock_days` count from the due date.
    `submitted_days` counts from the due date, or from five days ago if that is earlier.
    `graded_days` counts from the submission.
    `score_share` is the range of the share of the points that the student reaches.
    `awaits_review` is a quiz of which a teacher has not yet graded a part.
    `module` is the name of a module that locks the assignment.
    """

    due_days: tuple[float, float] | None = PAST_DAYS
    submitted_days: float | None = None
    graded_days: float | None = None
    score_share: tuple[float, float] = (0.62, 1.0)
    posted: bool = True
    excused: bool = False
    late_policy: str | None = None
    deducted_share: float = 0
    resubmitted: bool = False
    grading: str = "points"
    submission_type: str = "online_upload"
    unlock_days: float | None = None
    lock_days: float | None = None
    assigned: bool = True
    omitted: bool = False
    post_manually: bool = False
    awaits_review: bool = False
    module: str | None = None


SITUATIONS = (
    Situation(submitted_days=-1, graded_days=2),
    Situation(due_days=LATER_DAYS),
    Situation(),
    Situation(submitted_days=1.5, graded_days=2, late_policy="late", deducted_share=0.1),
    Situation(submitted_days=-0.5, graded_days=1, posted=False),
    Situation(due_days=(-9, -3), submitted_days=-0.2, submission_type="online_text_entry"),
    Situation(excused=True, graded_days=1),
    Situation(submitted_days=-2, graded_days=1, grading="pass_fail", score_share=(1, 1)),
    Situation(submitted_days=-3, graded_days=1, grading="percent"),
    Situation(submitted_days=-0.3, graded_days=4, grading="letter_grade"),
    Situation(graded_days=0.5, score_share=(0, 0), late_policy="missing"),
    Situation(submitted_days=-2, graded_days=1, resubmitted=True),
    Situation(due_days=None, submission_type="online_url"),
    Situation(due_days=LATER_DAYS, unlock_days=-7),
    Situation(due_days=SOON_DAYS, submitted_days=-1),
    Situation(submission_type="on_paper", graded_days=3),
    Situation(submitted_days=-0.1, submission_type="online_quiz"),
    Situation(due_days=SOON_DAYS, assigned=False),
    Situation(lock_days=1, submission_type="online_text_entry"),
    Situation(
        due_days=SOON_DAYS, submitted_days=1, graded_days=1, submission_type="discussion_topic"
    ),
    Situation(submitted_days=-1, graded_days=0.01, submission_type="external_tool"),
    Situation(due_days=LATER_DAYS, grading="not_graded", submission_type="not_graded"),
    Situation(submitted_days=-1, graded_days=1, omitted=True),
    Situation(due_days=SOON_DAYS),
    Situation(due_days=None, submitted_days=1, graded_days=1),
)
"""The situations of the default school, in the order of the assignments of each course."""

FURTHER_SITUATIONS = (
    Situation(
        submitted_days=-0.1,
        graded_days=0,
        submission_type="online_quiz",
        awaits_review=True,
        score_share=(0.2, 0.4),
    ),
    Situation(
        due_days=(-3, -1),
        submitted_days=-0.1,
        graded_days=0,
        submission_type="online_quiz",
        awaits_review=True,
        posted=False,
        post_manually=True,
        score_share=(0.2, 0.4),
    ),
    Situation(submission_type="on_paper"),
    Situation(submission_type="none"),
    Situation(submission_type="wiki_page"),
    Situation(grading="not_graded", submission_type="not_graded"),
    Situation(submission_type="on_paper,online_upload"),
    Situation(due_days=SOON_DAYS, module="Week 9 & beyond"),
    Situation(due_days=LATER_DAYS, post_manually=True),
    Situation(submitted_days=-1, graded_days=1, score_share=(1.05, 1.2)),
    Situation(submitted_days=2, late_policy="extended"),
    Situation(due_days=SOON_DAYS, submission_type="external_tool"),
)
"""The situations that courses of a varied school have besides."""
