"""Tests of courses as a student sees them."""

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient, open_sandbox_client

TOTAL_FIELDS = {
    "computed_current_score",
    "computed_current_grade",
    "computed_current_letter_grade",
    "computed_final_score",
    "computed_final_grade",
}


async def test_a_restricted_course_has_exactly_two_keys(client: SandboxClient) -> None:
    response = await client("/courses?per_page=100")

    assert b'{"id":1006,"access_restricted_by_date":true}' in response.body
    assert sum("name" not in course for course in response.json) == 1


async def test_without_a_restricted_course_every_course_has_a_name() -> None:
    async with open_sandbox_client(restricted=False, courses=40, assignments=1) as client:
        courses = await client.courses()

    assert len(courses) == 40
    assert all("name" in course for course in courses)


async def test_totals_are_only_included_on_request(client: SandboxClient) -> None:
    without_include = (await client("/courses/1001")).json["enrollments"][0]
    with_include = (await client("/courses/1001?include[]=total_scores")).json["enrollments"][0]

    assert not without_include.keys() & TOTAL_FIELDS
    assert with_include.keys() >= TOTAL_FIELDS
    assert with_include["type"] == "student"


async def test_hidden_totals_are_absent_keys(client: SandboxClient) -> None:
    course = await client.course(1003)
    enrollment = (await client("/courses/1003/enrollments")).json[0]

    assert course["hide_final_grades"] is True
    assert not any("computed" in key for key in course["enrollments"][0])
    assert list(enrollment["grades"]) == ["html_url"]


async def test_one_id_exceeds_the_range_of_a_float(client: SandboxClient) -> None:
    ids = [course["id"] for course in await client.courses()]
    response = await client("/courses?per_page=100", Accept="application/json+canvas-string-ids")

    assert max(ids) == 77_520_000_000_029_520 > 2**53
    assert {course["id"] for course in response.json} == {str(id_) for id_ in ids}
    assert (await client("/courses/7752~29520")).json["id"] == max(ids)


async def test_ids_become_strings_at_every_depth(client: SandboxClient) -> None:
    accept = "application/json+canvas-string-ids"
    response = await client(
        "/courses/1001/assignment_groups?include[]=assignments&include[]=submission", Accept=accept
    )

    item = response.json[0]["assignments"][0]
    other_values = item["lti_context_id"], item["allowed_attempts"], item["points_possible"]
    assert isinstance(item["submission"]["user_id"], str)
    assert isinstance(item["assignment_group_id"], str)
    assert item["grading_standard_id"] is None
    assert [type(value) for value in other_values] == [str, int, float]


async def test_a_nickname_replaces_the_name_and_is_used_for_sorting(client: SandboxClient) -> None:
    courses = [course for course in await client.courses() if "name" in course]
    nicknamed = next(course for course in courses if "original_name" in course)

    assert nicknamed["name"].startswith("The hard one")
    names = [course["name"].casefold() for course in courses]
    assert names == sorted(names)


async def test_includes_add_their_fields(client: SandboxClient) -> None:
    course = await client.course(1005)
    without_includes = next(item for item in (await client("/courses")).json if item["id"] == 1005)

    assert course["concluded"] is True
    assert course["term"]["name"] == "Summer 2026"
    assert course["teachers"][0].keys() >= {"id", "display_name"}
    assert isinstance(course["is_favorite"], bool)
    assert not without_includes.keys() & {"concluded", "term", "teachers", "is_favorite"}


async def test_two_sections_yield_two_enrollments_of_one_course(client: SandboxClient) -> None:
    sections = [course["enrollments"] for course in await client.courses() if course["id"] == 1002]

    assert len(sections) == 1
    assert len(sections[0]) == 2


async def test_grading_periods_have_their_own_totals(client: SandboxClient) -> None:
    enrollment = (await client.course(1002))["enrollments"][0]

    assert enrollment["has_grading_periods"] is True
    assert enrollment["current_grading_period_title"] == "Second half"
    whole, period = (
        enrollment[f"{prefix}computed_current_score"] for prefix in ("", "current_period_")
    )
    assert whole != period


async def test_includes_of_scoped_keys_are_dropped_silently(client: SandboxClient) -> None:
    client.sandbox.control.ignore_includes(student=0)

    course = await client.course(1001)
    groups = await client.groups(1001)

    assert "term" not in course
    assert "assignments" not in groups[0]


async def test_other_enrollment_types_and_states_yield_no_courses(client: SandboxClient) -> None:
    assert (await client("/courses?enrollment_type=teacher")).json == []
    assert (await client("/courses?enrollment_state=completed")).json == []
    assert (await client("/courses?state[]=unpublished")).json == []


async def test_colors_favorites_and_nicknames_are_listed(client: SandboxClient) -> None:
    colors = (await client("/users/self/colors")).json
    favorites = (await client("/users/self/favorites/courses?include[]=favorites")).json
    nicknames = (await client("/users/self/course_nicknames")).json

    assert len(colors["custom_colors"]) == 6
    assert all(course.get("is_favorite", True) for course in favorites)
    assert 1001 in {course["id"] for course in favorites}
    assert [item["course_id"] for item in nicknames] == [77_520_000_000_029_520]


async def test_the_user_and_the_profile_are_returned(client: SandboxClient) -> None:
    user = (await client("/users/self", student=1)).json
    profile = (await client("/users/self/profile", student=1)).json

    assert user["name"] == client.sandbox.tokens[1]["name"] == "Đặng Thị Hoa"
    assert user["created_at"].endswith("-07:00")
    assert profile["calendar"]["ics"].startswith("https://")
    assert profile["time_zone"] == "America/Denver"


async def test_enrollments_contain_grades_and_record_course_access(client: SandboxClient) -> None:
    before = (await client("/users/self/enrollments?per_page=100")).json
    await client("/courses/1001")
    after = (await client("/users/self/enrollments?per_page=100")).json

    course = await client.course(1001)
    first_before = next(item for item in before if item["course_id"] == 1001)
    first_after = next(item for item in after if item["course_id"] == 1001)
    assert len({item["id"] for item in before}) == 6
    assert (
        first_before["grades"]["current_score"]
        == course["enrollments"][0]["computed_current_score"]
    )
    assert first_before["last_activity_at"] is None
    assert first_after["last_activity_at"] == "2026-10-15T15:00:00Z"
    assert first_after["total_activity_time"] > first_before["total_activity_time"]
