"""What snapshots remember of a sighting: another value is another `class_version` of Sync."""

from domain.canvas import digest
from domain.change_feed import expected_mark, graded_mark
from domain.sync import Sync
from tests.canvas_builders import assignment, course, submission

GOLDEN = (4, "ad36663132ce6ea3", "f571dc92734080f2", 2227500672, 1548919365)


def test_what_is_remembered_means_the_same_whatever_python_runs() -> None:
    remembered = (
        digest(course()),
        digest(assignment()),
        graded_mark(submission()),
        expected_mark(assignment()),
    )
    assert (Sync.class_version, *remembered) == GOLDEN
