"""A place in the event log: a position, and the timeline of the log that it belongs to."""

from typing import NamedTuple


class LogPosition(NamedTuple):
    """A position on a timeline of the log.

    A new timeline begins when the server has started again or the log was restored. A position of
    an earlier timeline still counts, unless it is beyond the event after which the next one begins.
    """

    timeline: int
    """The id of the timeline; random, so that no other database has it."""
    position: int
    """The position of an event; 0 before the first one."""
