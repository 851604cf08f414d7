"""What counts as a difference between two sightings of a course."""

from typing import Any
from uuid import UUID

from domain.canvas import Assignment, Course
from domain.events import CourseFetched, CourseWithdrawn, DueDateChanged, GradeChanged
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, hidden_grade, restricted, submission
from tests.given_when_then import Given, given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
ATTEMPT = Attempt(RUN, "worker")
ONE_OF_ONE = Progress(total=1, done=1, failed=0)


def running(sync: Sync) -> None:
    sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")


def sees(of: Course, *assignments: Assignment) -> Any:
    return lambda sync: sync.see_course(ATTEMPT, of, list(assignments), ONE_OF_ONE)


def sees_only_its_id(sync: Sync) -> None:
    sync.see_course(ATTEMPT, restricted(), None, ONE_OF_ONE)


def lists(*canvas_ids: str) -> Any:
    return lambda sync: sync.list_courses(ATTEMPT, set(canvas_ids))


def known(*assignments: Assignment) -> Given[Sync]:
    return given(Sync, running, sees(course(), *assignments))


def test_the_first_sighting_carries_everything_and_first_scores() -> None:
    fetched, total, score = (
        given(Sync, running)
        .when(sees(course(), assignment()))
        .then(CourseFetched, GradeChanged, GradeChanged)
    )
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["5001"]
    assert fetched["changes"] == {"courses": 1, "assignments": 1, "grades": 2}
    assert (total["subject"], total["previous"]) == ("course", None)
    assert (score["previous"], score["current"]) == (None, {"score": 9.5, "grade": "9.5"})
    assert score["baseline"]


def test_the_same_sighting_twice_is_nothing_new() -> None:
    known(assignment()).when(sees(course(), assignment())).then()


def test_ticking_fields_are_no_difference() -> None:
    known().when(sees(course(image_url="https://images.example/101?sig=2"))).then()


def test_only_the_assignments_that_differ_are_carried() -> None:
    (fetched,) = (
        known(assignment("1"), assignment("2"))
        .when(sees(course(), assignment("1"), assignment("2", name="Renamed")))
        .then(CourseFetched)
    )
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["2"]
    assert fetched["changes"] == {"courses": 0, "assignments": 1, "grades": 0}


def test_a_due_date_moved_and_moved_back_is_two_changes() -> None:
    moved = assignment(due_at="2026-09-18T05:59:59Z")
    there = known(assignment())
    _, change = there.when(sees(course(), moved)).then(CourseFetched, DueDateChanged)
    assert (change["previous"], change["current"]) == (
        "2026-09-11T05:59:59Z",
        "2026-09-18T05:59:59Z",
    )
    _, change = there.when(sees(course(), assignment())).then(CourseFetched, DueDateChanged)
    assert change["current"] == "2026-09-11T05:59:59Z"


def test_a_regrade_to_the_same_score_is_no_grade_change() -> None:
    regraded = assignment(submission=submission(graded_at="2026-09-20T18:00:00Z"))
    known(assignment()).when(sees(course(), regraded)).then(CourseFetched)


def test_a_grade_hidden_and_shown_again_is_two_changes() -> None:
    there = known(assignment())
    hidden = assignment(submission=hidden_grade())
    _, change = there.when(sees(course(), hidden)).then(CourseFetched, GradeChanged)
    assert (change["previous"], change["current"]) == ({"score": 9.5, "grade": "9.5"}, None)
    _, change = there.when(sees(course(), assignment())).then(CourseFetched, GradeChanged)
    assert (change["previous"], change["current"]) == (None, {"score": 9.5, "grade": "9.5"})


def test_an_assignment_withdrawn_and_restored_keeps_its_grade_quietly() -> None:
    there = known(assignment("1"), assignment("2"))
    (fetched,) = there.when(sees(course(), assignment("1"))).then(CourseFetched)
    assert fetched["removed"] == ["2"]
    (fetched,) = there.when(sees(course(), assignment("1"), assignment("2"))).then(CourseFetched)
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["2"]


def test_an_assignment_removed_twice_is_removed_once() -> None:
    there = known(assignment("1"), assignment("2"))
    there.when(sees(course(), assignment("1"))).then(CourseFetched)
    there.when(sees(course(), assignment("1"))).then()


def test_a_course_gone_from_the_list_is_withdrawn_once() -> None:
    there = known(assignment())
    there.when(lists()).then(CourseWithdrawn)
    there.when(lists()).then()


def test_a_withdrawn_course_comes_back_without_its_unchanged_assignments() -> None:
    there = known(assignment())
    there.when(lists()).then(CourseWithdrawn)
    (fetched,) = there.when(sees(course(), assignment())).then(CourseFetched)
    assert fetched["assignments"] == []


def test_a_restricted_course_loses_nothing_that_was_known() -> None:
    there = known(assignment())
    (fetched,) = there.when(sees_only_its_id).then(CourseFetched)
    assert (fetched["course"]["state"], fetched["removed"]) == ("restricted", [])
    there.when(sees_only_its_id).then()
    (fetched,) = there.when(sees(course(), assignment())).then(CourseFetched)
    assert fetched["assignments"] == []


def test_a_grade_after_the_first_whole_run_is_news() -> None:
    there = known(assignment(submission=hidden_grade()))
    there.aggregate.complete(ATTEMPT, ONE_OF_ONE, Requests(total=2, not_modified=0, retried=0))
    second = UUID("00000000-0000-4000-8000-0000000000f2")
    there.aggregate.request(
        second, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full"
    )
    attempt = there.aggregate.start("worker")
    there.aggregate.collect_events()
    _, change = there.when(
        lambda sync: sync.see_course(attempt, course(), [assignment()], ONE_OF_ONE)
    ).then(CourseFetched, GradeChanged)
    assert not change["baseline"]


def test_a_new_total_is_a_grade_change_of_the_course() -> None:
    _, change = known().when(sees(course(current_score=92.0))).then(CourseFetched, GradeChanged)
    assert (change["subject"], change["assignment_id"]) == ("course", None)
    assert change["current"] == {"score": 92.0, "grade": "A-"}
