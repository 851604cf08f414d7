"""Every situation an assignment and a student's work on it can be in."""

from typing import NamedTuple

PAST = (-45.0, -4.0)
SOON = (2.0, 12.0)
LATER = (12.0, 45.0)


class Situation(NamedTuple):
    """One kind of assignment; times are in days.

    `due` lies between the two, from now; `unlocks` and `locks` count from the due date.
    `handed_in` counts from the due date, or from five days ago where that is still to come.
    `graded` counts from the hand-in.
    `share` is the part of the points reached, from and to.
    """

    due: tuple[float, float] | None = PAST
    handed_in: float | None = None
    graded: float | None = None
    share: tuple[float, float] = (0.62, 1.0)
    posted: bool = True
    excused: bool = False
    late_policy: str | None = None
    deducted: float = 0
    resubmitted: bool = False
    grading: str = "points"
    submission_type: str = "online_upload"
    unlocks: float | None = None
    locks: float | None = None
    assigned: bool = True
    omitted: bool = False


SITUATIONS = (
    Situation(handed_in=-1, graded=2),
    Situation(due=LATER),
    Situation(),
    Situation(handed_in=1.5, graded=2, late_policy="late", deducted=0.1),
    Situation(handed_in=-0.5, graded=1, posted=False),
    Situation(due=(-9, -3), handed_in=-0.2, submission_type="online_text_entry"),
    Situation(excused=True, graded=1),
    Situation(handed_in=-2, graded=1, grading="pass_fail", share=(1, 1)),
    Situation(handed_in=-3, graded=1, grading="percent"),
    Situation(handed_in=-0.3, graded=4, grading="letter_grade"),
    Situation(graded=0.5, share=(0, 0), late_policy="missing"),
    Situation(handed_in=-2, graded=1, resubmitted=True),
    Situation(due=None, submission_type="online_url"),
    Situation(due=LATER, unlocks=-7),
    Situation(due=SOON, handed_in=-1),
    Situation(submission_type="on_paper", graded=3),
    Situation(handed_in=-0.1, submission_type="online_quiz"),
    Situation(due=SOON, assigned=False),
    Situation(locks=1, submission_type="online_text_entry"),
    Situation(due=SOON, handed_in=1, graded=1, submission_type="discussion_topic"),
    Situation(handed_in=-1, graded=0.01, submission_type="external_tool"),
    Situation(due=LATER, grading="not_graded", submission_type="none"),
    Situation(handed_in=-1, graded=1, omitted=True),
    Situation(due=SOON),
    Situation(due=None, handed_in=1, graded=1),
)
