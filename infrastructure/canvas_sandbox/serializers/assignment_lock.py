"""Why an assignment is locked for a student: the fields that Canvas adds.

Source: `AbstractAssignment#low_level_locked_for?` and `lib/canvas/lock_explanation.rb` of
canvas-lms. An unlock date decides first, then a module, then a lock date.
"""

from html import escape
from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.model import Assignment
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.view import CourseView


class LockFields(NamedTuple):
    """The fields, and whether the student may view the description."""

    fields: dict[str, Any]
    can_view: bool = True


def lock_fields(subject: Assignment, view: CourseView) -> LockFields:
    """The fields `locked_for_user`, and `lock_info` and `lock_explanation` of a locked one."""
    found = None if view.is_staff else _find_lock(subject, view)
    if found is None:
        return LockFields({"locked_for_user": False})
    info, explanation = found
    lock = {"asset_string": f"assignment_{subject.id}", **info}
    return LockFields(
        {"locked_for_user": True, "lock_info": lock, "lock_explanation": explanation},
        can_view=info.get("can_view", False),
    )


def _find_lock(subject: Assignment, view: CourseView) -> tuple[dict[str, Any], str] | None:
    if subject.unlock_at is not None and subject.unlock_at > view.now:
        unlock_at = format_time(subject.unlock_at)
        info: dict[str, Any] = {"unlock_at": unlock_at, "can_view": False}
        return info, f"This assignment is locked until {unlock_at}."
    if subject.module is not None:
        return _module_lock(subject.module, view)
    if subject.lock_at is not None and subject.lock_at < view.now:
        lock_at = format_time(subject.lock_at)
        return {"lock_at": lock_at, "can_view": True}, f"This assignment was locked {lock_at}."
    return None


def _module_lock(name: str, view: CourseView) -> tuple[dict[str, Any], str]:
    """The lock of a module; Canvas sends the explanation as HTML, with a hidden link."""
    module_id = view.course.index * 100 + 7
    page = f"{view.page_url}/modules"
    module = {
        "id": module_id,
        "context_id": view.course.id,
        "context_type": "Course",
        "name": name,
        "position": 1,
        "unlock_at": None,
        "workflow_state": "active",
        "require_sequential_progress": True,
        "prerequisites": [{"id": module_id - 1, "type": "context_module", "name": "Start"}],
        "completion_requirements": [],
    }
    explanation = (
        f"This assignment is part of the module <b>{escape(name)}</b> and hasn't been unlocked "
        f"yet.<br/><a href='{page}#module_{module_id}'>Visit the course modules page for "
        "information on how to unlock this content.</a>"
        f"<a href='{page}/{module_id}/prerequisites' style='display: none;' "
        "id='module_prerequisites_lookup_link'>&nbsp;</a>"
    )
    return {"context_module": module}, explanation
