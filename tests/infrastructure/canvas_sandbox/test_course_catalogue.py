"""Tests of the generated names: codes fit the courses, work fits its course, terms their dates."""

from collections import Counter
from datetime import UTC, datetime

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions
from infrastructure.canvas_sandbox.generator.course_catalogue import CATALOGUE, choose_course
from infrastructure.canvas_sandbox.generator.generate_school import new_term
from infrastructure.canvas_sandbox.generator.names import GROUP_NAMES


def test_each_course_has_its_own_code_and_name() -> None:
    for values in ([each.code for each in CATALOGUE], [each.name for each in CATALOGUE]):
        assert Counter(values).most_common(1)[0][1] == 1
    assert choose_course(15, 1)[:2] == ("Linear Algebra I", "MATH-201")


def test_courses_of_a_school_have_different_names() -> None:
    options = SandboxOptions(courses=6, past_courses=3, taught_courses=2, varied=True)
    names = [course["name"] for course in Sandbox(options).control.courses()]
    assert len(names) == len(set(names)) == 12


def test_courses_beyond_the_catalogue_are_further_sections() -> None:
    first, second = choose_course(0, 3), choose_course(len(CATALOGUE), 3)
    assert (second.name, second.code) == (f"{first.name} (section 2)", first.code)


def test_work_is_named_by_the_topics_of_its_course_and_is_in_the_group_of_its_form() -> None:
    sandbox = Sandbox(SandboxOptions(courses=1, assignments=40))
    course = sandbox.data.courses[1001]
    names = [item.name for item in course.assignments.values()]
    assert len(names) == len(set(names)) == 40
    assert names[0] == "Problem set: Limits"
    for item in course.assignments.values():
        assert any(topic in item.name for topic in CATALOGUE[0].topics)
        if item.submission_type == "online_quiz":
            assert item.name.startswith("Quiz: ")
            assert item.group.name == "Exams"
    assert {item.group.name for item in course.assignments.values()} == set(GROUP_NAMES)


def test_a_term_has_the_name_of_its_season() -> None:
    def name(start: tuple[int, int, int], end: tuple[int, int, int]) -> str:
        first, last = (int(datetime(*day, tzinfo=UTC).timestamp()) for day in (start, end))
        return new_term(1, first, last).name

    assert name((2026, 9, 1), (2026, 12, 20)) == "Fall 2026"
    assert name((2026, 12, 28), (2027, 5, 20)) == "Spring 2027"
    assert name((2027, 6, 1), (2027, 8, 1)) == "Summer 2027"
