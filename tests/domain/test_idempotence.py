"""Twice is once, whatever Canvas shows."""

from typing import Any
from uuid import UUID

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.canvas import Assignment, Course
from domain.events.sync import Progress
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, restricted, submission
from tests.given_when_then import STREAM, facts

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
sightings = st.tuples(
    courses, st.lists(assignments, max_size=3, unique_by=lambda item: item["canvas_id"])
) | st.tuples(st.just(restricted()), st.none())


def running() -> Sync:
    sync = Sync.unborn(STREAM)
    sync.request(RUN, connection_id=STREAM, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")
    sync.collect_events()
    return sync


@settings(deadline=None)
@for_any(st.lists(sightings, max_size=5))
def test_any_sighting_twice_is_once(seen: list[tuple[Course, list[Assignment] | None]]) -> None:
    sync = running()
    for of, shown in seen:
        sync.see_course(ATTEMPT, of, shown, PROGRESS)
        sync.collect_events()
        sync.see_course(ATTEMPT, of, shown, PROGRESS)
        assert facts(sync) == []


@settings(deadline=None)
@for_any(st.lists(sightings, max_size=5))
def test_replaying_what_was_recorded_gives_the_same_memory(
    seen: list[tuple[Course, list[Assignment] | None]],
) -> None:
    sync = Sync.unborn(STREAM)
    sync.request(RUN, connection_id=STREAM, person_id=PERSON, trigger="setup", mode="full")
    sync.start("worker")
    for of, shown in seen:
        sync.see_course(ATTEMPT, of, shown, PROGRESS)
    again: Any = Sync.unborn(STREAM)
    for event in sync.collect_events():
        again = event.mutate(again)
    assert (again.courses, again.run, again.version) == (sync.courses, sync.run, sync.version)
