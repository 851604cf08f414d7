"""Recording is idempotent, and replaying events gives the same state, for any course."""

from typing import Any
from uuid import UUID

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.canvas import Assignment, Course
from domain.events.sync import Progress
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, restricted_course, submission
from tests.given_when_then import STREAM, take_pending

RUN = UUID("00000000-0000-4000-8000-0000000000f1")
ATTEMPT = Attempt(RUN, "worker")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
PROGRESS = Progress(total=1, done=1, failed=0)

scores = st.none() | st.floats(0, 100, allow_nan=False)
times = st.sampled_from([None, "2026-09-11T05:59:59Z", "2026-10-11T05:59:59Z"])
submissions = st.none() | st.builds(
    submission, score=scores, grade=st.sampled_from([None, "A", "B"]), excused=st.booleans()
)
assignments = st.builds(
    assignment,
    canvas_id=st.sampled_from(["1", "2", "3"]),
    due_at=times,
    submission=submissions,
)
courses = st.builds(course, current_score=scores, name=st.sampled_from(["A", "B"]))
fetched_courses = st.tuples(
    courses, st.lists(assignments, max_size=3, unique_by=lambda item: item["canvas_id"])
) | st.tuples(st.just(restricted_course()), st.none())


def running_sync() -> Sync:
    sync = Sync.new(STREAM)
    sync.request(RUN, connection_id=STREAM, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")
    sync.collect_events()
    return sync


@settings(deadline=None)
@for_any(st.lists(fetched_courses, max_size=5))
def test_recording_the_same_course_twice_records_it_once(
    fetched: list[tuple[Course, list[Assignment] | None]],
) -> None:
    sync = running_sync()
    for course_, items in fetched:
        sync.record_course(ATTEMPT, course_, items, PROGRESS)
        sync.collect_events()
        sync.record_course(ATTEMPT, course_, items, PROGRESS)
        assert take_pending(sync) == []


@settings(deadline=None)
@for_any(st.lists(fetched_courses, max_size=5))
def test_replaying_the_events_gives_the_same_state(
    fetched: list[tuple[Course, list[Assignment] | None]],
) -> None:
    sync = Sync.new(STREAM)
    sync.request(RUN, connection_id=STREAM, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")
    for course_, items in fetched:
        sync.record_course(ATTEMPT, course_, items, PROGRESS)
    replayed: Any = Sync.new(STREAM)
    for event in sync.collect_events():
        replayed = event.mutate(replayed)
    assert (replayed.courses, replayed.run, replayed.version) == (
        sync.courses,
        sync.run,
        sync.version,
    )
