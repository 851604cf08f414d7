"""Which differences of a course are recorded, and as which events."""

from typing import Any
from uuid import UUID

from domain.canvas import Assignment, Course
from domain.events import CourseFetched, CourseWithdrawn, DueDateChanged, GradeChanged
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, hidden_grade, restricted_course, submission
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


def record_restricted_course(sync: Sync) -> None:
    sync.record_course(ATTEMPT, restricted_course(), None, PROGRESS)


def list_courses(*canvas_ids: str) -> Any:
    return lambda sync: sync.withdraw_unlisted(ATTEMPT, set(canvas_ids))


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
    sync_with_course().when(
        record_course(course(image_url="https://images.example/101?sig=2"))
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


def test_a_course_missing_from_the_list_is_withdrawn_once() -> None:
    sync = sync_with_course(assignment())
    sync.when(list_courses()).then(CourseWithdrawn)
    sync.when(list_courses()).then()


def test_a_withdrawn_course_returns_without_its_unchanged_assignments() -> None:
    sync = sync_with_course(assignment())
    sync.when(list_courses()).then(CourseWithdrawn)
    (fetched,) = sync.when(record_course(course(), assignment())).then(CourseFetched)
    assert fetched["assignments"] == []


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
