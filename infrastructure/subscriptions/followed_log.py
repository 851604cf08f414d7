"""What this process knows of the log: how far it has read, and who has changed lately.

A thread reads the log, and the event loop asks what is known; see decision 0033.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.event_store.timelines import START

VALID_SECONDS = 1.5
"""Seconds after the start of a reading of the log in which what is known counts as current."""
MAX_REMEMBERED_PEOPLE = 100_000
"""People whose last change is remembered; those who changed longest ago are forgotten first."""

OnChange = Callable[[Collection[UUID] | None], None]
"""Is called in the thread with the people who changed; None means all people."""


class Knowledge(NamedTuple):
    """How far the log is known, and until when this counts."""

    place: LogPosition
    """Every change up to this place is known, if it is after `since`."""
    since: int
    """Changes at or before this position may have been forgotten."""
    generation: int
    """Grows when documents can change without an event: at a switch of versions, for example."""
    read_at: float
    """The monotonic time in seconds at which the last reading of the log began."""
    open_circuits: int
    """A digest of the circuits that were open then, as in documents that show one."""


NOTHING_KNOWN = Knowledge(START, 0, 0, float("-inf"), 0)


class FollowedLog:
    """The changes that are known, by person; one thread notes them, any thread may ask.

    `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_people: int = MAX_REMEMBERED_PEOPLE,
    ) -> None:
        self.clock = clock
        self._max_people = max_people
        self._listeners: list[OnChange] = []
        self._changes: OrderedDict[UUID, int] = OrderedDict()
        self._knowledge = NOTHING_KNOWN
        self._doubted_at = float("-inf")
        self._doubt_lock = Lock()

    def add_listener(self, on_change: OnChange) -> None:
        """Call this before a change counts as known, so that nobody is told before."""
        self._listeners.append(on_change)

    def knowledge(self) -> Knowledge:
        """Return how far the log is known, and until when this counts."""
        return self._knowledge

    def is_current(self, knowledge: Knowledge) -> bool:
        """Return whether what is known counts: the log was read lately, and after every doubt."""
        return self._doubted_at < knowledge.read_at > self.clock() - VALID_SECONDS

    def doubt(self) -> None:
        """Let nothing count until a reading of the log that begins after this has succeeded.

        Any thread calls it when a connection broke: another database may have taken the place of
        this one, without the last events.
        """
        with self._doubt_lock:
            self._doubted_at = self.clock()

    def has_changed(self, person_id: UUID, after: int) -> bool:
        """Return whether a person may have changed after a position."""
        changed = self._changes.get(person_id)
        # Read in this order: a change is forgotten after `since` has moved.
        return after < self._knowledge.since if changed is None else changed > after

    # The following methods are for the thread that reads the log.

    def begin(self, place: LogPosition) -> None:
        """Forget everything, documents included; changes are known from this place on."""
        generation = self._knowledge.generation + 1
        self._knowledge = NOTHING_KNOWN._replace(
            place=place, since=place.position, generation=generation
        )
        self._changes.clear()
        self._call_listeners(None)

    def advance(self, position: int, changes: Mapping[UUID, int]) -> None:
        """Note the last change of each person who changed up to a position."""
        for person_id, changed in changes.items():
            self._changes[person_id] = changed
            self._changes.move_to_end(person_id)
        self._forget_longest_ago()
        if changes:
            self._call_listeners(changes.keys())
        timeline = self._knowledge.place.timeline
        self._knowledge = self._knowledge._replace(place=LogPosition(timeline, position))

    def confirm(self, started: float, open_circuits: int = 0) -> None:
        """Let what is known count as current, because the log was read at this monotonic time.

        `open_circuits` is the digest of the circuits that were open.
        """
        self._knowledge = self._knowledge._replace(read_at=started, open_circuits=open_circuits)

    def _forget_longest_ago(self) -> None:
        while len(self._changes) > self._max_people:
            person_id, changed = next(iter(self._changes.items()))
            since = max(self._knowledge.since, changed)
            self._knowledge = self._knowledge._replace(since=since)
            del self._changes[person_id]

    def _call_listeners(self, people: Collection[UUID] | None) -> None:
        for on_change in self._listeners:
            on_change(people)
