"""What happens to the people of a recorded release: everything that the release can record.

Each release plays it with its own sandbox. Add what a new event, command or read model needs; a
recording without an event type that the program has is refused.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from interfaces.composition.process import Process
from tests.dev_tokens import ADA, BOB
from tests.replay.recorded_staff import (
    compare_read_model,
    list_connections,
    settle_dead_letters,
)
from tests.replay.recorded_student import RecordedStudent

CYD = UUID("00000000-0000-4000-8000-00000000c1d1")
DEE = UUID("00000000-0000-4000-8000-00000000dee1")
AUDITOR = UUID("00000000-0000-4000-8000-0000000a0d17")
ADMINISTRATOR = UUID("00000000-0000-4000-8000-000000ad0017")
PEOPLE = {"ada": ADA, "bob": BOB, "cyd": CYD, "dee": DEE}
LARGE_SCHOOL = SandboxOptions(courses=8, assignments=25, restricted=True)
SMALL_SCHOOL = SandboxOptions(students=2, courses=3, assignments=8, seed=2)
LOST_SCHOOL = SandboxOptions(students=2, courses=4, assignments=6, seed=3)


class Schools(NamedTuple):
    """The sandboxes of the scenario."""

    large: Sandbox
    small: Sandbox
    lost: Sandbox
    """A school whose Canvas does not respond at the end."""


@asynccontextmanager
async def running_schools() -> AsyncIterator[Schools]:
    """Run the three sandboxes."""
    async with AsyncExitStack() as stack:
        yield Schools(
            *[
                await stack.enter_async_context(running_sandbox(options))
                for options in (LARGE_SCHOOL, SMALL_SCHOOL, LOST_SCHOOL)
            ]
        )


async def play(process: Process, schools: Schools) -> None:
    """Play the whole scenario."""
    ada = RecordedStudent(process, schools.large, ADA, 0)
    await ada.connect("Large School")
    await ada.run()
    await _record_changes_of_work(ada)
    await _record_changes_of_courses(ada)
    await _record_failures(ada)
    await _record_interrupted_runs(ada)
    await _record_tokens(ada)
    await _play_bob(RecordedStudent(process, schools.small, BOB, 0))
    await _play_cyd(
        RecordedStudent(process, schools.small, CYD, 1),
        RecordedStudent(process, schools.lost, CYD, 1),
    )
    await ada.share_calendar()
    await _play_dee(RecordedStudent(process, schools.small, DEE, 1))
    await _play_staff(process)
    await _play_lost_school(RecordedStudent(process, schools.lost, BOB, 0), process)
    await ada.audit(AUDITOR)


async def _record_changes_of_work(student: RecordedStudent) -> None:
    """Grades, due dates and assignments change; incremental runs and a full one find it."""
    control = student.control
    await student.sync()
    graded = student.work(score=_is_set, posted=True, excused=False, grading_type="points")
    percent, letter = _graded(student, "percent"), _graded(student, "letter_grade")
    control.set_grade(graded[0]["id"], 0.5)
    control.set_grade(graded[1]["id"], graded[1]["points_possible"])
    control.set_grade(percent["id"], grade="87.5%")
    control.set_grade(letter["id"], grade="B")
    control.set_grade(student.work(state="submitted")[0]["id"], 7.25)
    control.submit(student.work(state="unsubmitted", due_at=_is_set)[0]["id"])
    await student.sync()
    hidden = student.work(score=_is_set, posted=False, excused=False)
    due = student.work(due_at=_is_set, state="unsubmitted")
    control.post_grades(hidden[0]["id"])
    control.hide_grades(graded[2]["id"])
    control.excuse(graded[3]["id"])
    control.move_due_date(due[0]["id"], datetime.fromisoformat(due[0]["due_at"]) + timedelta(3))
    control.move_due_date(due[1]["id"], None)
    await student.sync()
    control.set_grade(graded[4]["id"])
    control.excuse(graded[3]["id"], excused=False)
    control.post_grades(graded[2]["id"])
    control.rename_assignment(graded[5]["id"], "Renamed: Übung 5 📐")
    control.remove_assignment(due[2]["id"])
    control.remove_assignment(graded[6]["id"])
    control.add_assignment(graded[0]["course"], "Added later", points=None, due_at=_days_after(9))
    control.lock_assignment(due[3]["id"], unlock_at=_days_after(-9), lock_at=_days_after(9))
    await student.sync("full")
    control.restore_assignment(graded[6]["id"])
    await student.sync("full")


async def _record_changes_of_courses(student: RecordedStudent) -> None:
    """Courses are withdrawn, returned, restricted, concluded and renamed; totals are hidden."""
    control = student.control
    courses = control.courses()
    plain, *_, concluded, withdrawn = [course["id"] for course in courses if _is_open(course)]
    restricted = next(course["id"] for course in courses if course["restricted"])
    hidden = next(course["id"] for course in courses if course["totals_hidden"])
    control.withdraw_course(plain)
    control.withdraw_course(withdrawn)
    await student.sync()
    control.restore_course(plain)
    control.conclude_course(concluded)
    control.hide_totals(plain)
    control.hide_totals(hidden, hidden=False)
    control.rename_course(hidden, "Renamed: Философия")
    await student.sync()
    control.restrict_course(restricted, restricted=False)
    await student.sync("full")
    control.restrict_course(restricted)
    await student.sync("full")


async def _record_failures(student: RecordedStudent) -> None:
    """One course fails, the whole account fails, and a change feed is forbidden."""
    control = student.control
    course = student.work(score=_is_set)[0]["course"]
    control.inject("denied", times=None, path=f"/courses/{course}/assignment_groups")
    control.set_grade(student.work(course=course, score=_is_set)[0]["id"], 1)
    _require((await student.sync("full"))["status"], "partial")
    control.clear_faults()
    control.inject("html_200", times=None)
    _require((await student.sync())["status"], "failed")
    control.clear_faults()
    control.inject("denied", times=None, path="planner")
    _require((await student.sync())["mode"], "full")
    control.clear_faults()
    await student.request_as_scheduler()
    await student.run()


async def _record_interrupted_runs(student: RecordedStudent) -> None:
    """Runs are cancelled while they are queued and running; a worker gives one up."""
    await student.request()
    await student.cancel()
    await student.request("full")
    async with student.hanging_run("assignment_groups", _is_running) as hanging:
        await student.cancel()
        await hanging.task
    await student.request("full")
    async with student.hanging_run("assignment_groups", _is_running) as hanging:
        await student.requeue(hanging.worker, "stopped")
        await hanging.task
    await student.run()
    _require((await student.newest_run())["status"], "completed")


async def _record_tokens(student: RecordedStudent) -> None:
    """Canvas rejects the token in a run; a new one works."""
    student.control.revoke_token(student=student.index)
    _require((await student.sync())["status"], "failed")
    await student.rotate_token()
    await student.validate()
    _require((await student.sync())["status"], "completed")
    student.control.set_grade(student.work(score=_is_set)[-1]["id"], 3)
    await student.sync()


async def _play_bob(bob: RecordedStudent) -> None:
    """A connection whose token is rejected at the end."""
    await bob.connect("Small School")
    await bob.run()
    bob.control.set_grade(bob.work(score=_is_set)[0]["id"], 2.5)
    await bob.sync()
    bob.control.revoke_token(student=bob.index)
    await bob.validate()


async def _play_cyd(small: RecordedStudent, lost: RecordedStudent) -> None:
    """A closed connection, another one to the same Canvas with a queued run, and a running run."""
    await small.connect("Small School")
    await small.run()
    await small.close()
    await small.connect("Small School again")
    await small.run()
    await small.request()
    await lost.connect("Lost School")
    path = f"/courses/{lost.control.courses()[0]['id']}/assignment_groups"
    async with lost.hanging_run(path, lambda run: run["courses"]["done"] > 0):
        pass


async def _play_dee(dee: RecordedStudent) -> None:
    """A person whose data is read, and who is erased then."""
    await dee.connect("Small School")
    await dee.run()
    await dee.share_calendar()
    await dee.end_calendar()
    await dee.audit(AUDITOR)
    await dee.erase()


async def _play_staff(process: Process) -> None:
    """Auditors read lists, and administrators settle dead letters and compare a read model."""
    await list_connections(process, AUDITOR, None)
    await list_connections(process, AUDITOR, ADA)
    await settle_dead_letters(process, ADMINISTRATOR, ADA)
    await compare_read_model(process, ADMINISTRATOR)


async def _play_lost_school(bob: RecordedStudent, process: Process) -> None:
    """A Canvas that stops to respond, until its circuit opens."""
    await bob.connect("Lost School")
    await bob.run()
    bob.control.inject("error_502", times=None)
    _require((await bob.sync())["status"], "failed")
    for _ in range(4):
        await process.circuit_breakers.record_failure(bob.sandbox.url)


def _graded(student: RecordedStudent, grading_type: str) -> dict[str, Any]:
    return student.work(score=_is_set, posted=True, grading_type=grading_type)[0]


def _is_open(course: dict[str, Any]) -> bool:
    return not course["restricted"] and not course["concluded"]


def _is_set(value: object) -> bool:
    return value is not None


def _is_running(run: dict[str, Any]) -> bool:
    return bool(run["status"] == "running")


def _days_after(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days)


def _require(value: object, expected: object) -> None:
    """Require that the scenario had the effect that it is made for."""
    if value != expected:
        raise RuntimeError(f"The scenario recorded {value!r} instead of {expected!r}.")
