"""The forms in which Canvas usually sends assignment groups and graded submissions, as types.

A field has the narrowest type that makes its value a valid field of a record unchanged, except for
what `typed_checks` looks for. Everything else in a response is skipped without becoming an object.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from infrastructure.canvas.json_fields import MAX_COUNT, MAX_TEXT_LENGTH, MAX_URL_LENGTH
from infrastructure.canvas.parse_assignment import MAX_NEVER_DROP, MAX_SUBMISSION_TYPES
from infrastructure.canvas.parse_submission import MAX_WORD_LENGTH

MAX_EXACT = 10**15
"""Up to this size a whole number is exact as a float."""

Word = Annotated[str, Meta(max_length=MAX_WORD_LENGTH)]
Text = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Url = Annotated[str, Meta(max_length=MAX_URL_LENGTH)]
Number = Annotated[float, Meta(ge=-MAX_EXACT, le=MAX_EXACT)]
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
NumberedId = Annotated[int, Meta(ge=0, le=MAX_EXACT)]


class SubmissionRow(msgspec.Struct, gc=False, omit_defaults=True):
    """The student's own submission; one without a state has another form."""

    workflow_state: Annotated[str, Meta(min_length=1, max_length=MAX_WORD_LENGTH)]
    score: Number | None = None
    grade: Word | None = None
    submitted_at: str | None = None
    graded_at: str | None = None
    posted_at: str | None = None
    excused: bool | None = None
    late: bool | None = None
    missing: bool | None = None
    points_deducted: Number | None = None
    attempt: Count | None = None
    entered_score: Number | None = None
    entered_grade: Word | None = None
    late_policy_status: Word | None = None
    grade_matches_current_submission: bool | None = None
    submission_type: Word | None = None
    grading_period_id: str | None = None


class GradedAssignmentRow(msgspec.Struct, gc=False):
    """The assignment of a graded submission; only its ids are used."""

    id: str | None = None
    course_id: str | None = None


class GradedRow(SubmissionRow, gc=False):
    """A submission in the list of graded submissions."""

    assignment_id: str | None = None
    assignment: GradedAssignmentRow | None = None


class StatisticsRow(msgspec.Struct, gc=False):
    """The scores of all students."""

    min: Number | None = None
    max: Number | None = None
    mean: Number | None = None


class ModuleRow(msgspec.Struct, gc=False):
    """The module that locks an assignment; only that there is one is used."""


class LockRow(msgspec.Struct, gc=False, omit_defaults=True):
    """Why an assignment is locked."""

    context_module: ModuleRow | None = None
    unlock_at: str | None = None
    lock_at: str | None = None


class AssignmentRow(msgspec.Struct, gc=False, omit_defaults=True):
    """An assignment; `checkpoints` are the parts of a discussion."""

    id: str
    name: Text | None = None
    position: Count | None = None
    due_at: str | None = None
    unlock_at: str | None = None
    lock_at: str | None = None
    locked_for_user: bool | None = None
    lock_info: LockRow | None = None
    lock_explanation: str | None = None
    has_sub_assignments: bool | UnsetType = UNSET
    checkpoints: Annotated[list[Any], Meta(max_length=0)] | UnsetType = UNSET
    published: bool | None = None
    workflow_state: str | None = None
    omit_from_final_grade: bool | None = None
    post_manually: bool | None = None
    grading_period_id: str | None = None
    score_statistics: StatisticsRow | None = None
    points_possible: Number | None = None
    grading_type: Word | None = None
    submission_types: Annotated[list[Word], Meta(max_length=MAX_SUBMISSION_TYPES)] | None = None
    html_url: Url | None = None
    submission: SubmissionRow | None = None


class RulesRow(msgspec.Struct, gc=False, omit_defaults=True):
    """Which scores of a group do not count."""

    drop_lowest: Count | None = None
    drop_highest: Count | None = None
    never_drop: Annotated[list[str | NumberedId], Meta(max_length=MAX_NEVER_DROP)] | None = None


class GroupRow(msgspec.Struct, gc=False, omit_defaults=True):
    """An assignment group with its assignments."""

    id: str
    assignments: list[AssignmentRow]
    name: Text | None = None
    group_weight: Number | None = None
    position: Count | None = None
    rules: RulesRow | None = None


decode_group_rows = msgspec.json.Decoder(list[GroupRow]).decode
"""Decode a list of groups; raises msgspec.DecodeError, UnicodeDecodeError or RecursionError."""

decode_graded_rows = msgspec.json.Decoder(list[GradedRow]).decode
"""Decode a list of graded submissions; raises what `decode_group_rows` raises."""
