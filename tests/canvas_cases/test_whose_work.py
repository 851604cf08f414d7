"""Enrollments decide whose work a course is, and which totals count."""

from tests.canvas_cases.canvas_rows import assignment, at, course, enrollment, group, totals
from tests.canvas_cases.conftest import School

DRAFT = {"published": False, "workflow_state": "unpublished"}


async def test_the_work_of_a_course_that_the_student_assists_in_is_not_theirs(
    school: School,
) -> None:
    teaching = [
        assignment(221, submission=None, due_at=at(days=-5)),
        assignment(222, submission=None),
        assignment(223, "a draft", submission=None, **DRAFT),
    ]
    student = await school.connect(
        school.add(
            [course(21, "Mine"), course(22, "Where I assist", enrollment("ta"))],
            {"21": [group(1, assignment(211))], "22": [group(2, *teaching)]},
        )
    )
    seen = await student.view()
    assert {id_: row["role"] for id_, row in seen.courses.items()} == {"21": "student", "22": "ta"}
    assert set(seen.assignments) == {"211"}
    assert set(seen.grades) == {"Mine"}
    assert seen.stats["assignments"]["overdue"] == 0
    assert seen.stats["courses"]["active"] == 1
    assert [row["canvas_id"] for row in seen.stats["next_due"]] == ["211"]
    assert [row["name"] for row in seen.stats["courses_at_a_glance"]] == ["Mine"]
    assert not any("/courses/22/" in path for path in student.canvas.requests)


async def test_every_role_is_listed(school: School) -> None:
    roles = ("teacher", "designer", "observer", "ta", "student")
    rows = [course(30 + n, role, enrollment(role)) for n, role in enumerate(roles)]
    both = course(36, "ta and student", enrollment("ta"), enrollment(**totals(50.0)))
    named = course(37, "custom role", enrollment("teacher", role="Head of department"))
    seen = await (await school.connect(school.add([*rows, both, named]))).view()
    assert {row["name"]: row["role"] for row in seen.courses.values()} == {
        **{role: role for role in roles},
        "ta and student": "student",
        "custom role": "teacher",
    }


async def test_a_student_who_becomes_an_assistant_no_longer_has_its_work(school: School) -> None:
    first = course(41, "Once a student")
    student = await school.connect(school.add([first], {"41": [group(1, assignment(411))]}))
    assert set((await student.view()).assignments) == {"411"}
    former = enrollment(**totals(80.0), enrollment_state="completed")
    student.canvas.courses[:] = [course(41, "Once a student", enrollment("ta"), former)]
    await student.sync()
    seen = await student.view()
    assert (seen.courses["41"]["role"], seen.assignments) == ("ta", {})


async def test_the_live_enrollment_of_several_states_the_totals(school: School) -> None:
    ended = enrollment(**totals(12.0, "F", 10.0), enrollment_state="completed")
    live = enrollment(**totals(91.0, "A-", 88.0))
    empty = enrollment(**totals())
    rows = [course(51, "ended first", ended, live), course(52, "empty first", empty, live)]
    seen = await (await school.connect(school.add(rows))).view()
    shown = {(row["current_score"], row["current_grade"]) for row in seen.courses.values()}
    assert shown == {(91.0, "A-")}
