"""Which differences of a course are recorded, and as which events."""

from typing import Any
from uuid import UUID

from domain.canvas import Assignment, AssignmentGroup, Course
from domain.course_events import CourseList
from domain.events import (
    CourseFetched,
    CourseFetchFailed,
    CourseUnlisted,
    CourseWithdrawn,
    DueDateChanged,
    GradeChanged,
)
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import (
    assignment,
    course,
    group,
    hidden_grade,
    restricted_course,
    submission,
)
from tests.given_when_then import Given, given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
ATTEMPT = Attempt(RUN, "worker")
PROGRESS = Progress(total=1, done=1, failed=0)


def start_run(sync: Sync) -> None:
    sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")


def record_course(of: Course, *assignments: Assignment) -> Any:
    return lambda sync: sync.record_course(ATTEMPT, of, list(assignments), PROGRESS)


def record_groups(*groups: AssignmentGroup) -> Any:
    return lambda sync: sync.record_course(ATTEMPT, course(), [], PROGRESS, list(groups))


def record_restricted_course(sync: Sync) -> None:
    sync.record_course(ATTEMPT, restricted_course(), None, PROGRESS)


def list_courses(*courses: Course, complete: bool = True) -> Any:
    listed = CourseList(list(courses), complete=complete)
    return lambda sync: sync.record_unlisted(ATTEMPT, listed)


def record_failure(sync: Sync) -> None:
    sync.record_fetch_failure(ATTEMPT, "101", "canvas-timeout", "slow", PROGRESS)


def sync_with_course(*assignments: Assignment) -> Given[Sync]:
    return given(Sync, start_run, record_course(course(), *assignments))


def test_the_first_fetch_records_all_assignments_and_first_scores() -> None:
    fetched, total, score = (
        given(Sync, start_run)
        .when(record_course(course(), assignment()))
        .then(CourseFetched, GradeChanged, GradeChanged)
    )
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["5001"]
    assert fetched["changes"] == {"courses": 1, "assignments": 1, "grades": 2}
    assert (total["subject"], total["previous"]) == ("course", None)
    assert (score["previous"], score["current"]) == (None, {"score": 9.5, "grade": "9.5"})
    assert score["baseline"]


def test_the_same_course_twice_records_nothing() -> None:
    sync_with_course(assignment()).when(record_course(course(), assignment())).then()


def test_volatile_fields_are_not_compared() -> None:
    statistics = {"min": 1.0, "max": 9.5, "mean": 7.0}
    sync_with_course(assignment()).when(
        record_course(course(), assignment(score_statistics=statistics))
    ).then()


def test_only_changed_assignments_are_recorded() -> None:
    (fetched,) = (
        sync_with_course(assignment("1"), assignment("2"))
        .when(record_course(course(), assignment("1"), assignment("2", name="Renamed")))
        .then(CourseFetched)
    )
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["2"]
    assert fetched["changes"] == {"courses": 0, "assignments": 1, "grades": 0}


def test_a_due_date_that_is_moved_and_moved_back_is_two_changes() -> None:
    moved = assignment(due_at="2026-09-18T05:59:59Z")
    sync = sync_with_course(assignment())
    _, change = sync.when(record_course(course(), moved)).then(CourseFetched, DueDateChanged)
    assert (change["previous"], change["current"]) == (
        "2026-09-11T05:59:59Z",
        "2026-09-18T05:59:59Z",
    )
    _, change = sync.when(record_course(course(), assignment())).then(CourseFetched, DueDateChanged)
    assert change["current"] == "2026-09-11T05:59:59Z"


def test_a_regrade_to_the_same_score_is_not_a_grade_change() -> None:
    regraded = assignment(submission=submission(graded_at="2026-09-20T18:00:00Z"))
    sync_with_course(assignment()).when(record_course(course(), regraded)).then(CourseFetched)


def test_a_grade_hidden_and_shown_again_is_two_changes() -> None:
    sync = sync_with_course(assignment())
    hidden = assignment(submission=hidden_grade())
    _, change = sync.when(record_course(course(), hidden)).then(CourseFetched, GradeChanged)
    assert (change["previous"], change["current"]) == ({"score": 9.5, "grade": "9.5"}, None)
    _, change = sync.when(record_course(course(), assignment())).then(CourseFetched, GradeChanged)
    assert (change["previous"], change["current"]) == (None, {"score": 9.5, "grade": "9.5"})


def test_an_assignment_withdrawn_and_restored_records_no_grade_change() -> None:
    sync = sync_with_course(assignment("1"), assignment("2"))
    (fetched,) = sync.when(record_course(course(), assignment("1"))).then(CourseFetched)
    assert fetched["removed"] == ["2"]
    (fetched,) = sync.when(record_course(course(), assignment("1"), assignment("2"))).then(
        CourseFetched
    )
    assert [item["canvas_id"] for item in fetched["assignments"]] == ["2"]


def test_a_removed_assignment_is_recorded_once() -> None:
    sync = sync_with_course(assignment("1"), assignment("2"))
    sync.when(record_course(course(), assignment("1"))).then(CourseFetched)
    sync.when(record_course(course(), assignment("1"))).then()


def test_a_course_is_withdrawn_when_two_complete_lists_in_a_row_lack_it() -> None:
    sync = sync_with_course(assignment())
    sync.when(list_courses()).then(CourseUnlisted)
    sync.when(list_courses(complete=False)).then()
    sync.when(list_courses()).then(CourseWithdrawn)
    sync.when(list_courses()).then()


def test_a_course_that_is_listed_again_starts_from_the_beginning() -> None:
    sync = sync_with_course(assignment())
    sync.when(list_courses()).then(CourseUnlisted)
    sync.when(record_course(course(), assignment())).then(CourseFetched)
    sync.when(list_courses()).then(CourseUnlisted)


def test_an_incomplete_list_says_nothing_about_a_course() -> None:
    sync = sync_with_course(assignment())
    for _ in range(3):
        sync.when(list_courses(complete=False)).then()


def test_a_course_that_canvas_calls_deleted_is_withdrawn_at_once() -> None:
    sync = sync_with_course(assignment())
    deleted = course(state="withdrawn")
    sync.when(list_courses(deleted, complete=False)).then(CourseWithdrawn)
    sync.when(list_courses(deleted)).then()


def test_a_withdrawn_course_returns_without_its_unchanged_assignments() -> None:
    sync = sync_with_course(assignment())
    sync.when(list_courses(course(state="withdrawn"))).then(CourseWithdrawn)
    (fetched,) = sync.when(record_course(course(), assignment())).then(CourseFetched)
    assert fetched["assignments"] == []


def test_a_course_that_can_be_read_again_is_recorded_although_nothing_differs() -> None:
    sync = sync_with_course(assignment())
    sync.when(record_failure).then(CourseFetchFailed)
    (fetched,) = sync.when(record_course(course(), assignment())).then(CourseFetched)
    assert (fetched["complete"], fetched["assignments"]) == (True, [])
    sync.when(record_course(course(), assignment())).then()


def test_a_new_total_is_recorded_although_the_assignments_cannot_be_read() -> None:
    sync = sync_with_course(assignment())
    unread = course(current_score=95.0)
    fetched, change = sync.when(
        lambda sync: sync.record_course(ATTEMPT, unread, None, PROGRESS)
    ).then(CourseFetched, GradeChanged)
    assert (fetched["complete"], fetched["removed"]) == (False, [])
    assert change["current"] == {"score": 95.0, "grade": "A-"}


def test_groups_are_recorded_when_they_differ() -> None:
    sync = sync_with_course()
    sync.when(record_groups(group())).then(CourseFetched)
    sync.when(record_groups(group())).then()
    (fetched,) = sync.when(record_groups(group(drop_lowest=1))).then(CourseFetched)
    assert fetched["groups"] == [group(drop_lowest=1)]
    (fetched,) = sync.when(record_course(course(name="Renamed"))).then(CourseFetched)
    assert fetched["groups"] is None


def test_a_grade_change_has_the_names_of_course_and_assignment() -> None:
    _, total, score = (
        given(Sync, start_run)
        .when(record_course(course(), assignment(name="Essay")))
        .then(CourseFetched, GradeChanged, GradeChanged)
    )
    assert (total["course_name"], total["assignment_name"]) == ("Linear Algebra", None)
    assert (score["course_name"], score["assignment_name"]) == ("Linear Algebra", "Essay")


def test_a_restricted_course_keeps_its_known_assignments() -> None:
    sync = sync_with_course(assignment())
    (fetched,) = sync.when(record_restricted_course).then(CourseFetched)
    assert (fetched["course"]["state"], fetched["removed"]) == ("restricted", [])
    sync.when(record_restricted_course).then()
    (fetched,) = sync.when(record_course(course(), assignment())).then(CourseFetched)
    assert fetched["assignments"] == []


def test_a_grade_after_the_first_complete_run_is_not_baseline() -> None:
    sync = sync_with_course(assignment(submission=hidden_grade()))
    sync.aggregate.complete(ATTEMPT, PROGRESS, Requests(total=2, not_modified=0, retried=0))
    second = UUID("00000000-0000-4000-8000-0000000000f2")
    sync.aggregate.request(
        second, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full"
    )
    attempt = sync.aggregate.start("worker")
    sync.aggregate.collect_events()
    _, change = sync.when(
        lambda sync: sync.record_course(attempt, course(), [assignment()], PROGRESS)
    ).then(CourseFetched, GradeChanged)
    assert not change["baseline"]


def test_a_new_total_is_a_grade_change_of_the_course() -> None:
    _, change = (
        sync_with_course()
        .when(record_course(course(current_score=92.0)))
        .then(CourseFetched, GradeChanged)
    )
    assert (change["subject"], change["assignment_id"]) == ("course", None)
    assert change["current"] == {"score": 92.0, "grade": "A-"}
