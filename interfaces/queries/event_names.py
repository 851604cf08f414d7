"""Finds the names of courses and assignments that recorded events have only by their Canvas ids.

A name is the one that Canvas showed at the time of the event. It is in an earlier event of the same
page in most cases; else it is read from the history of the connection.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from infrastructure.event_store.history import HistoryRow
from infrastructure.event_store.past_view_store import PastViewStore
from interfaces.queries.event_sentences import NO_NAMES, SentenceNames
from interfaces.queries.name_book import NameBook
from interfaces.queries.past_views.stored_rows import FORM, names_in

NAMELESS = frozenset(
    {"GradeChanged", "DueDateChanged", "CourseUnlisted", "CourseWithdrawn", "CourseFetchFailed"}
)
"""Events whose courses and assignments are named by another one."""
NAMING = "CourseFetched"


@dataclass(frozen=True, slots=True)
class EventNames:
    """Finds names; it reads what past views are made of."""

    store: PastViewStore

    async def names_of(self, rows: Sequence[HistoryRow]) -> dict[int, SentenceNames]:
        """Return the names for events of one connection, by their positions."""
        book, found = NameBook(), dict[int, SentenceNames]()
        unknown: list[HistoryRow] = []
        for row in sorted(rows, key=lambda each: each.position):
            if row.payload.keys() & {"redacted", "unreadable"}:
                continue
            if row.topic == NAMING:
                book.add(row.payload["course"], row.payload["assignments"])
            elif row.topic in NAMELESS:
                if names := book.names_for(row.payload):
                    found[row.position] = names
                else:
                    unknown.append(row)
        return found | await self._look_up(unknown) if unknown else found

    async def _look_up(self, unknown: Sequence[HistoryRow]) -> dict[int, SentenceNames]:
        """Return the names for events, in the order of the log, from all events before them."""
        stream, last = unknown[0].stream, unknown[-1].version
        state = await self.store.newest_state(stream, unknown[0].version - 1, FORM)
        after = state.version if state else 0
        rows = await self.store.read_rows([stream], [after], [last], [NAMING])
        events, _ = await asyncio.to_thread(self.store.to_events, rows)
        book = NameBook.of(names_in(state.plain)) if state else NameBook()
        found: dict[int, SentenceNames] = {}
        read = 0
        for row in unknown:
            start = read
            while read < len(events) and events[read].event.originator_version < row.version:
                read += 1
            book.add_events(events[start:read])
            found[row.position] = book.names_for(row.payload) or NO_NAMES
        return found
