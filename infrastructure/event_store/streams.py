"""The library's event store over our log: no recordings, one key look-up a stream."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import eventsourcing.persistence

from domain.event import Event
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.recorder import Circumstances, Recorder


class Streams(eventsourcing.persistence.EventStore[UUID]):
    """Streams of events, as the library's Repository reads them."""

    def __init__(self, mapper: Mapper, recorder: Recorder) -> None:
        super().__init__(mapper, recorder)
        self._mapper = mapper
        self._recorder = recorder

    def append(self, events: Sequence[Event], by: Circumstances) -> int:
        """Seal events and append them; returns the position of the last."""
        return self._recorder.append(self._mapper.store(events, by.person_id), by)

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[Any]:
        """Events of one stream, in order; raises EventUnreadable."""
        rows = self._recorder.select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return iter(self._mapper.events(rows))
