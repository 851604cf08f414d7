"""Digests and state hashes in snapshots: if a value changes, raise `class_version` of Sync."""

from domain.change_feed import expected_planner_state_hash, graded_state_hash
from domain.digests import digest
from domain.sync import Sync
from tests.canvas_builders import assignment, course, submission

EXPECTED = (9, "93421237a9798083", "fa5d9eca175ea932", 2227500672, 93655057)


def test_digests_and_state_hashes_do_not_depend_on_the_python_version() -> None:
    hashes = (
        digest(course()),
        digest(assignment()),
        graded_state_hash(submission()),
        expected_planner_state_hash(assignment()),
    )
    assert (Sync.class_version, *hashes) == EXPECTED
