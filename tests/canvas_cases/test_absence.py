"""What a list does not contain is not gone: courses that end, shift or are listed elsewhere."""

from typing import Any

from aiohttp import web

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    at,
    course,
    enrollment,
    graded,
    group,
    totals,
)
from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent, canvas_json


def ended(row: Row, **new_totals: float) -> Row:
    changed = {**row["enrollments"][0], "enrollment_state": "completed", **new_totals}
    return {**row, "concluded": True, "enrollments": [changed]}


async def test_a_course_that_ends_stays_with_its_grades(school: School) -> None:
    old = course(91, "Last term's", enrollment(**totals(93.4, "A", 93.4)))
    goes_on = course(92, "Goes on")
    works = [assignment(911, submission=graded(9.5)), assignment(912, submission=graded(8.0))]
    groups = {"91": [group(1, *works)], "92": [group(2, assignment(921))]}
    student = await school.connect(school.add([old, goes_on], groups))
    student.canvas.courses, student.canvas.ended = [goes_on], [ended(old)]
    for _ in range(2):
        await student.sync("full")
    seen = await student.view()
    assert seen.courses["91"]["state"] == "concluded"
    assert "Last term's" in seen.grades
    assert seen.assignments["911"]["submission"]["score"] == 9.5
    assert seen.stats["courses"]["active"] == 1

    student.canvas.ended = [ended(old, computed_final_score=96.0, computed_current_score=96.0)]
    groups["91"] = [group(1, works[0], assignment(912, submission=graded(10.0)))]
    await student.sync("full")
    seen = await student.view()
    assert seen.courses["91"]["final_score"] == 96.0
    assert seen.grades["Last term's"]["final_score"] == 96.0
    assert seen.assignments["912"]["submission"]["score"] == 10.0

    newcomer = await school.connect(school.add([goes_on], groups, ended=student.canvas.ended))
    seen = await newcomer.view()
    assert seen.courses["91"]["state"] == "concluded"
    assert "911" in seen.assignments

    student.canvas.ended = []
    for _ in range(2):
        await student.sync("full")
    assert (await student.view()).courses["91"]["state"] == "withdrawn"


async def test_ended_courses_are_read_once_and_then_only_if_they_change(school: School) -> None:
    rows = [ended(course(60 + n, f"Old {n}")) for n in range(5)]
    groups = {str(60 + n): [group(1, assignment(600 + n))] for n in range(5)}
    student = await school.connect(school.add([course(70)], {}, ended=rows))
    student.canvas.groups.update(groups)
    student.canvas.requests.clear()
    await student.sync("full")
    asked = [path for path in student.canvas.requests if "/assignment_groups" in path]
    assert [path.split("/")[4] for path in asked] == ["70"]


async def test_a_course_is_withdrawn_when_two_complete_lists_in_a_row_lack_it(
    school: School,
) -> None:
    stays, goes = course(71, "Stays"), course(72, "Goes")
    student = await school.connect(school.add([stays, goes], {"72": [group(1, assignment(721))]}))
    student.canvas.courses = [stays]
    await student.sync("full")
    seen = await student.view()
    assert (seen.courses["72"]["state"], set(seen.assignments)) == ("active", {"721"})
    student.canvas.courses = [stays, goes]
    await student.sync()
    student.canvas.courses = [stays]
    await student.sync()
    assert (await student.view()).courses["72"]["state"] == "active"
    await student.sync()
    seen = await student.view()
    assert (seen.courses["72"]["state"], seen.assignments) == ("withdrawn", {})
    student.canvas.courses = [stays, goes]
    await student.sync()
    seen = await student.view()
    assert (seen.courses["72"]["state"], set(seen.assignments)) == ("active", {"721"})


async def test_a_course_that_canvas_calls_deleted_is_withdrawn_at_once(school: School) -> None:
    student = await school.connect(school.add([course(73), course(74)]))
    student.canvas.courses[1] = course(74, workflow_state="deleted")
    left = enrollment(**totals(50.0), enrollment_state="deleted")
    student.canvas.courses[0] = course(73, "Left", left)
    await student.sync()
    seen = await student.view()
    assert {row["state"] for row in seen.courses.values()} == {"withdrawn"}


async def test_no_course_is_withdrawn_because_pages_shift(school: School) -> None:
    """The second page always starts one row too late, as if the first course had left the list."""
    rows = [course(80 + n, f"Course {n}") for n in range(6)]

    async def shift(request: web.Request, _: LiteralStudent) -> web.Response | None:
        shifting = request.path == "/api/v1/courses" and request.query.get("page") == "2"
        return canvas_json(rows[3:]) if shifting else None

    student = await school.connect(school.add(rows, {}, page_size=2))
    student.canvas.hook = shift
    for _ in range(3):
        await student.sync("full")
    states = [row["state"] for row in (await student.view()).courses.values()]
    assert states == ["active"] * 6


async def test_an_answer_of_another_shape_is_a_failure(school: School) -> None:
    shapes: dict[str, Any] = {
        "101": [{"unexpected": 1}],
        "102": {},
        "103": None,
        "104": ["text"],
        "105": [group(1, {"name": "without an id"})],
        "106": [group(1) | {"assignments": None}, group(2)],
    }
    good = {id_: [group(1, assignment(int(id_) * 10, submission=graded(7.0)))] for id_ in shapes}
    broken: set[str] = set()

    async def answer(request: web.Request, _: LiteralStudent) -> web.Response | None:
        parts = request.path.split("/")
        wrong = len(parts) > 5 and parts[4] in broken
        return canvas_json(shapes[parts[4]]) if wrong else None

    student = await school.connect(
        school.add([course(int(id_)) for id_ in shapes], good, hook=answer)
    )
    broken |= shapes.keys()
    run = await student.sync("full")
    seen = await student.view()
    assert len(seen.assignments) == len(shapes)
    problems = {id_: row["problem"] and row["problem"]["code"] for id_, row in seen.courses.items()}
    assert problems == dict.fromkeys(shapes, "canvas-answer-unusable")
    assert run["status"] == "failed"
    broken.clear()
    await student.sync()
    assert {row["problem"] for row in (await student.view()).courses.values()} == {None}


async def test_an_invited_course_is_listed(school: School) -> None:
    invited = course(75, "Invited", enrollment(enrollment_state="invited"))
    seen = await (await school.connect(school.add([invited]))).view()
    assert (seen.courses["75"]["state"], seen.courses["75"]["role"]) == ("active", "student")


async def test_a_restricted_course_keeps_what_was_known(school: School) -> None:
    row = course(
        76, "Soon over", term={"id": 1, "name": "T", "start_at": None, "end_at": at(days=-1)}
    )
    student = await school.connect(school.add([row], {"76": [group(1, assignment(761))]}))
    student.canvas.courses[:] = [{"id": 76, "access_restricted_by_date": True}]
    await student.sync()
    seen = await student.view()
    assert seen.courses["76"]["name"] == "Soon over"
    assert seen.courses["76"]["state"] == "concluded"
    assert set(seen.assignments) == {"761"}


async def test_a_course_that_ended_by_a_date_of_its_section_stays_concluded(
    school: School,
) -> None:
    """Its row is that of an active course; only the list of ended courses shows its end."""
    row = course(77, "Section is over")
    student = await school.connect(school.add([course(78)], ended=[row]))
    for mode in ("auto", "full"):
        assert (await student.view()).courses["77"]["state"] == "concluded"
        await student.sync(mode)
    student.canvas.courses, student.canvas.ended = [course(78), row], []
    await student.sync()
    assert (await student.view()).courses["77"]["state"] == "active"


async def test_a_list_that_lacks_a_group_of_known_assignments_changes_nothing(
    school: School,
) -> None:
    groups = [group(1, assignment(791)), group(2, assignment(792))]

    async def shorten(request: web.Request, _: LiteralStudent) -> web.Response | None:
        is_list = request.path.endswith("/assignment_groups")
        return canvas_json(groups[:1]) if is_list else None

    student = await school.connect(school.add([course(79)], {"79": groups}))
    before = (await student.view()).assignments
    student.canvas.hook = shorten
    await student.sync("full")
    seen = await student.view()
    assert seen.assignments == before
    assert seen.courses["79"]["problem"]
