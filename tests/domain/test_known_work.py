"""Work whose response is that of the last time: it is not read again, and stays as it is known."""

from typing import Any
from uuid import UUID

from hypothesis import given as given_hypothesis
from hypothesis import strategies as st

from domain.canvas import Assignment, Course
from domain.course_events import known_courses
from domain.events import CourseFetched
from domain.events.sync import Progress
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, group
from tests.given_when_then import event_fields, given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
ATTEMPT = Attempt(RUN, "worker")
PROGRESS = Progress(total=1, done=1, failed=0)
DIGEST, OTHER_DIGEST = "d" * 32, "e" * 32


def start_run(sync: Sync) -> None:
    sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")


def record(digest: str | None, *assignments: Assignment) -> Any:
    """Record a course whose work was read."""
    return lambda sync: sync.record_course(
        ATTEMPT, course(), list(assignments), PROGRESS, [group()], work_digest=digest
    )


def record_known(digest: str | None, of: Course) -> Any:
    """Record a course whose work was not parsed, because it has this digest."""
    return lambda sync: sync.record_course(ATTEMPT, of, None, PROGRESS, work_digest=digest)


def record_failure(sync: Sync) -> None:
    sync.record_fetch_failure(ATTEMPT, "101", "canvas-timeout", "slow", PROGRESS)


def test_known_work_of_an_equal_course_records_nothing() -> None:
    given(Sync, start_run, record(DIGEST, assignment("1"))).when(
        record_known(DIGEST, course())
    ).then()


def test_known_work_of_a_course_that_differs_stays_complete() -> None:
    (fetched,) = (
        given(Sync, start_run, record(DIGEST, assignment("1")))
        .when(record_known(DIGEST, course(name="Algebra")))
        .then(CourseFetched)
    )
    assert fetched["complete"]
    assert (fetched["assignments"], fetched["removed"], fetched["groups"]) == ([], [], None)


def test_work_with_a_digest_that_is_not_the_known_one_counts_as_not_read() -> None:
    (fetched,) = (
        given(Sync, start_run, record(DIGEST, assignment("1")))
        .when(record_known(OTHER_DIGEST, course(name="Algebra")))
        .then(CourseFetched)
    )
    assert not fetched["complete"]


def synced(*decisions: Any) -> Sync:
    sync = Sync.new(CONNECTION)
    for decide in (start_run, *decisions):
        decide(sync)
    return sync


def known_digest(*decisions: Any) -> str | None:
    sync = synced(*decisions)
    return known_courses(sync.courses, sync.work_digests)["101"].work_digest


def replayed(decided: Sync) -> Sync:
    """Fold the events of these decisions, as a load without a snapshot does."""
    sync = Sync.new(CONNECTION)
    for event in decided.pending_events:
        event.mutate(sync)
    return sync


def test_the_known_digest_is_that_of_the_last_compared_work() -> None:
    assert known_digest(record(DIGEST)) == DIGEST
    assert known_digest(record(DIGEST), record(DIGEST)) == DIGEST
    assert known_digest(record(DIGEST), record(OTHER_DIGEST, assignment("1"))) == OTHER_DIGEST
    assert known_digest(record(DIGEST), record(None, assignment("1"))) is None
    assert known_digest(record(DIGEST), record_known(None, course(name="Algebra"))) is None
    assert known_digest(record(DIGEST), record_known(DIGEST, course(name="Algebra"))) == DIGEST


def test_no_digest_is_known_after_a_failure() -> None:
    assert known_digest(record(DIGEST), record_failure) is None
    assert known_digest(record(DIGEST), record_failure, record(DIGEST)) == DIGEST


def test_the_state_after_a_decision_is_that_of_its_events() -> None:
    decided = synced(
        record(DIGEST, assignment("1"), assignment("2")),
        record(OTHER_DIGEST, assignment("1", name="Essay"), assignment("2")),
    )
    assert replayed(decided).courses == decided.courses
    assert vars(replayed(decided)).keys() == vars(decided).keys()


def test_no_digest_is_known_after_a_fold_until_the_work_was_compared_once() -> None:
    sync = replayed(synced(record(DIGEST, assignment("1"))))
    assert sync.work_digests == {}
    record(DIGEST, assignment("1"))(sync)
    assert (sync.pending_events, sync.work_digests) == ([], {"101": DIGEST})


def test_a_course_that_another_process_recorded_later_has_no_known_digest() -> None:
    sync = synced(record(DIGEST, assignment("1")))
    later = synced(record(DIGEST, assignment("1")), record(None, assignment("1", name="Essay")))
    later.pending_events[-1].mutate(sync)
    assert sync.work_digests == {}


def test_known_work_is_known_in_a_state_that_was_loaded_anew() -> None:
    in_hand, newest = (synced(record(DIGEST, assignment("1"))) for _ in range(2))
    newest.work_digests.clear()
    record_known(DIGEST, course(name="Algebra"))(in_hand)
    newest.keep_work_digests(in_hand)
    assert newest.work_digests == {"101": DIGEST}


def test_other_work_is_not_known_in_a_state_that_was_loaded_anew() -> None:
    in_hand = synced(record(DIGEST, assignment("1")), record(OTHER_DIGEST, assignment("2")))
    newest = synced(record(None, assignment("1")))
    newest.keep_work_digests(in_hand)
    newest.keep_work_digests(synced(record(DIGEST), record_failure))
    assert newest.work_digests == {}


WORKS = st.lists(
    st.builds(
        assignment,
        st.sampled_from(["1", "2", "3"]),
        name=st.sampled_from(["Problem", "Essay"]),
        due_at=st.sampled_from([None, "2026-03-01T00:00:00Z"]),
    ),
    max_size=3,
    unique_by=lambda item: item["canvas_id"],
)
READS = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "without digest", "hidden", "failed", "reload"]),
        WORKS,
        st.sampled_from(["Calculus", "Algebra"]),
    ),
    max_size=12,
)


@given_hypothesis(READS)
def test_what_is_recorded_does_not_depend_on_known_digests(
    reads: list[tuple[str, list[Assignment], str]],
) -> None:
    """A second sync reads all work of each response, and is to record the same."""
    knowing, reading = synced(), synced()
    for kind, work, name in reads:
        of = course(name=name)
        if kind == "reload":
            knowing = replayed(knowing)
            knowing._pending_events = [*reading.pending_events]
        elif kind == "failed":
            record_failure(knowing)
            record_failure(reading)
        elif kind == "hidden":
            record_known(None, of)(knowing)
            record_known(None, of)(reading)
        else:
            digest = None if kind == "without digest" else repr(work)
            known = known_courses(knowing.courses, knowing.work_digests).get("101")
            is_known = digest is not None and known is not None and known.work_digest == digest
            read = None if is_known else work
            groups = None if is_known else [group()]
            knowing.record_course(ATTEMPT, of, read, PROGRESS, groups, work_digest=digest)
            reading.record_course(ATTEMPT, of, work, PROGRESS, [group()])
        assert [event_fields(event) for event in knowing.pending_events] == [
            event_fields(event) for event in reading.pending_events
        ]
        assert knowing.courses == reading.courses
