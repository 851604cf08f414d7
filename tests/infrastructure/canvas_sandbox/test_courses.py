"""Courses as their students see them."""

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker, asking

SCORES = {
    "computed_current_score",
    "computed_current_grade",
    "computed_current_letter_grade",
    "computed_final_score",
    "computed_final_grade",
}


async def test_a_restricted_course_is_exactly_two_keys(ask: Asker) -> None:
    told = await ask("/courses?per_page=100")

    assert b'{"id":1006,"access_restricted_by_date":true}' in told.body
    assert sum("name" not in course for course in told.json) == 1


async def test_without_restriction_every_course_has_a_name() -> None:
    async with asking(restricted=False, courses=40, assignments=1) as ask:
        courses = await ask.courses()

    assert len(courses) == 40
    assert all("name" in course for course in courses)


async def test_totals_come_only_when_asked(ask: Asker) -> None:
    plain = (await ask("/courses/1001")).json["enrollments"][0]
    asked = (await ask("/courses/1001?include[]=total_scores")).json["enrollments"][0]

    assert not plain.keys() & SCORES
    assert asked.keys() >= SCORES
    assert asked["type"] == "student"


async def test_hidden_totals_are_absent_keys(ask: Asker) -> None:
    course = await ask.course(1003)
    enrollment = (await ask("/courses/1003/enrollments")).json[0]

    assert course["hide_final_grades"] is True
    assert not any("computed" in key for key in course["enrollments"][0])
    assert list(enrollment["grades"]) == ["html_url"]


async def test_one_id_is_too_long_for_a_float(ask: Asker) -> None:
    ids = [course["id"] for course in await ask.courses()]
    told = await ask("/courses?per_page=100", Accept="application/json+canvas-string-ids")

    assert max(ids) == 77_520_000_000_029_520 > 2**53
    assert {course["id"] for course in told.json} == {str(id_) for id_ in ids}
    assert (await ask("/courses/7752~29520")).json["id"] == max(ids)


async def test_ids_become_strings_at_every_depth(ask: Asker) -> None:
    accept = "application/json+canvas-string-ids"
    told = await ask(
        "/courses/1001/assignment_groups?include[]=assignments&include[]=submission", Accept=accept
    )

    item = told.json[0]["assignments"][0]
    kept = item["lti_context_id"], item["allowed_attempts"], item["points_possible"]
    assert isinstance(item["submission"]["user_id"], str)
    assert isinstance(item["assignment_group_id"], str)
    assert item["grading_standard_id"] is None
    assert [type(value) for value in kept] == [str, int, float]


async def test_a_nickname_takes_the_name_and_orders_the_list(ask: Asker) -> None:
    courses = [course for course in await ask.courses() if "name" in course]
    nicknamed = next(course for course in courses if "original_name" in course)

    assert nicknamed["name"].startswith("Maths 🧮")
    names = [course["name"].casefold() for course in courses]
    assert names == sorted(names)


async def test_includes_bring_what_they_name(ask: Asker) -> None:
    course = await ask.course(1005)
    bare = next(item for item in (await ask("/courses")).json if item["id"] == 1005)

    assert course["concluded"] is True
    assert course["term"]["name"] == "Last Term"
    assert course["teachers"][0].keys() >= {"id", "display_name"}
    assert isinstance(course["is_favorite"], bool)
    assert not bare.keys() & {"concluded", "term", "teachers", "is_favorite"}


async def test_two_sections_are_two_enrollments_of_one_course(ask: Asker) -> None:
    sections = [course["enrollments"] for course in await ask.courses() if course["id"] == 1002]

    assert len(sections) == 1
    assert len(sections[0]) == 2


async def test_grading_periods_have_totals_of_their_own(ask: Asker) -> None:
    enrollment = (await ask.course(1002))["enrollments"][0]

    assert enrollment["has_grading_periods"] is True
    assert enrollment["current_grading_period_title"] == "Second half"
    whole, period = (
        enrollment[f"{prefix}computed_current_score"] for prefix in ("", "current_period_")
    )
    assert whole != period


async def test_scoped_keys_lose_their_includes_silently(ask: Asker) -> None:
    ask.sandbox.control.ignore_includes(student=0)

    course = await ask.course(1001)
    groups = await ask.groups(1001)

    assert "term" not in course
    assert "assignments" not in groups[0]


async def test_a_student_is_nobodys_teacher(ask: Asker) -> None:
    assert (await ask("/courses?enrollment_type=teacher")).json == []
    assert (await ask("/courses?enrollment_state=completed")).json == []
    assert (await ask("/courses?state[]=unpublished")).json == []


async def test_the_small_lists(ask: Asker) -> None:
    colors = (await ask("/users/self/colors")).json
    favorites = (await ask("/users/self/favorites/courses?include[]=favorites")).json
    nicknames = (await ask("/users/self/course_nicknames")).json

    assert len(colors["custom_colors"]) == 6
    assert all(course.get("is_favorite", True) for course in favorites)
    assert 1001 in {course["id"] for course in favorites}
    assert [item["course_id"] for item in nicknames] == [77_520_000_000_029_520]


async def test_the_user_and_the_profile(ask: Asker) -> None:
    user = (await ask("/users/self", student=1)).json
    profile = (await ask("/users/self/profile", student=1)).json

    assert user["name"] == ask.sandbox.tokens[1]["name"] == "Đặng Thị Hoa"
    assert user["created_at"].endswith("-07:00")
    assert profile["calendar"]["ics"].startswith("https://")
    assert profile["time_zone"] == "America/Denver"


async def test_enrollments_carry_the_grades_and_move_when_a_course_is_read(ask: Asker) -> None:
    before = (await ask("/users/self/enrollments?per_page=100")).json
    await ask("/courses/1001")
    after = (await ask("/users/self/enrollments?per_page=100")).json

    course = await ask.course(1001)
    first = next(item for item in before if item["course_id"] == 1001)
    moved = next(item for item in after if item["course_id"] == 1001)
    assert len({item["id"] for item in before}) == 6
    assert first["grades"]["current_score"] == course["enrollments"][0]["computed_current_score"]
    assert first["last_activity_at"] is None
    assert moved["last_activity_at"] == "2026-10-15T15:00:00Z"
    assert moved["total_activity_time"] > first["total_activity_time"]
