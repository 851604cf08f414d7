"""Keeps documents of read models as long as the log shows that nothing in them has changed.

A document is current if the log is known up to now, and has no event of its person after the place
that the document shows. The clock and the circuits of Canvas hosts change some documents without an
event. See decision 0033.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.observability.instruments import KEPT_DOCUMENT_BYTES, KEPT_DOCUMENT_READS
from infrastructure.subscriptions.followed_log import FollowedLog, Knowledge

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Bytes that the documents of one process take at most."""
MAX_BYTES_OF_PERSON = MAX_KEPT_BYTES // 16
"""Bytes that the documents of one person take at most."""
MAX_KEPT_DOCUMENTS = 65_536
ENTRY_BYTES = 700
"""What the objects of an entry take beside its body and its headers."""

_HITS, _MISSES = KEPT_DOCUMENT_READS.labels("found"), KEPT_DOCUMENT_READS.labels("missed")

_generation_at_find: ContextVar[int] = ContextVar("generation_at_find", default=-1)
"""The generation in which this task has asked for a document; it asks the database after that."""


def _now() -> datetime:
    return datetime.now(UTC)


class KeptDocument(NamedTuple):
    """A document as it is sent, with what its response needs."""

    etag: bytes
    """The value of the header `ETag`, with its quotes."""
    content: bytes
    """The body: gzip or as it is."""
    is_compressed: bool
    identity_length: int
    """Bytes of the body without compression."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Further headers of the response; names in lower case."""
    changes_at: datetime | None
    """When the clock changes the document; None if it does not."""
    open_circuits: int | None = None
    """The digest of the open circuits that the document shows; None if it shows none."""
    is_weak: bool = False
    """Whether other documents with the same meaning have this `ETag` too."""


class _Entry(NamedTuple):
    document: KeptDocument
    place: LogPosition
    generation: int
    kept_at: datetime
    size: int


class KeptDocuments:
    """The documents of many people, of at most a number of bytes.

    The event loop asks and keeps; the thread that follows the log drops what has changed. `now`
    returns the present time.
    """

    def __init__(
        self,
        log: FollowedLog,
        *,
        now: Callable[[], datetime] = _now,
        max_bytes: int = MAX_KEPT_BYTES,
        max_bytes_of_person: int = MAX_BYTES_OF_PERSON,
        max_documents: int = MAX_KEPT_DOCUMENTS,
    ) -> None:
        self._log = log
        self._now = now
        self._max_bytes = max_bytes
        self._max_bytes_of_person = max_bytes_of_person
        self._max_documents = max_documents
        self._people: OrderedDict[UUID, OrderedDict[str, _Entry]] = OrderedDict()
        """Both levels begin with what was asked for longest ago."""
        self._shown: OrderedDict[UUID, int] = OrderedDict()
        """The position that each person has been shown, until the log is known up to it."""
        self._bytes_of: dict[UUID, int] = {}
        self._bytes = 0
        self._count = 0
        self._lock = Lock()
        log.add_listener(self._drop)

    def find(self, person_id: UUID, key: str) -> KeptDocument | None:
        """Return the document if it is provably current; None means: ask the database.

        `key` names the document among those of the person.
        """
        with self._lock:
            document = self._find(person_id, key)
        (_HITS if document else _MISSES).inc()
        return document

    def note_shown(self, person_id: UUID, place: LogPosition) -> None:
        """Find nothing older than this place for a person, who has been shown the state at it.

        The database can be ahead of what is known of the log, by some milliseconds.
        """
        known = self._log.knowledge().place
        with self._lock:
            while self._shown and next(iter(self._shown.values())) <= known.position:
                self._shown.popitem(last=False)
            earlier = self._shown.get(person_id, known.position)
            if place.timeline == known.timeline and place.position > earlier:
                self._shown[person_id] = place.position
                self._shown.move_to_end(person_id)

    def keep(
        self, person_id: UUID, key: str, document: KeptDocument, position: LogPosition
    ) -> None:
        """Keep a document that shows the state at a place, unless it may have changed since.

        It was read after this task asked for it with `find`; else it is not kept. A later state of
        it that is kept already stays.
        """
        known = self._log.knowledge()
        if (
            known.generation != _generation_at_find.get()
            or not self._log.is_current(known)
            or position.timeline != known.place.timeline
            or self._log.has_changed(person_id, position.position)
        ):
            return
        headers = sum(len(name) + len(value) for name, value in document.headers)
        size = ENTRY_BYTES + len(key) + headers + len(document.content)
        if size > self._max_bytes_of_person:
            return
        entry = _Entry(document, position, known.generation, self._now(), size)
        with self._lock:
            if not self._has_later(person_id, key, entry):
                self._remove(person_id, key)
                self._insert(person_id, key, entry)

    def _find(self, person_id: UUID, key: str) -> KeptDocument | None:
        known = self._log.knowledge()
        _generation_at_find.set(known.generation)
        documents = self._people.get(person_id)
        entry = documents.get(key) if documents else None
        if documents is None or entry is None or not self._log.is_current(known):
            return None
        if not self._is_unchanged(person_id, entry, known):
            self._remove(person_id, key)
            return None
        reached = max(known.place.position, entry.place.position)
        if reached < self._shown.get(person_id, 0):
            return None
        documents.move_to_end(key)
        self._people.move_to_end(person_id)
        return entry.document

    def _is_unchanged(self, person_id: UUID, entry: _Entry, known: Knowledge) -> bool:
        now, changes_at = self._now(), entry.document.changes_at
        open_circuits = entry.document.open_circuits
        return (
            entry.generation == known.generation
            and not self._log.has_changed(person_id, entry.place.position)
            and (open_circuits is None or open_circuits == known.open_circuits)
            # A clock that was set back can show what was before the change.
            and entry.kept_at <= now
            and (changes_at is None or now < changes_at)
        )

    def _has_later(self, person_id: UUID, key: str, entry: _Entry) -> bool:
        """Whether a later state is kept: that of a read which began later, and ended earlier."""
        documents = self._people.get(person_id)
        kept = documents.get(key) if documents else None
        return (
            kept is not None
            and kept.generation == entry.generation
            and kept.place.position > entry.place.position
        )

    def _insert(self, person_id: UUID, key: str, entry: _Entry) -> None:
        while self._bytes_of.get(person_id, 0) + entry.size > self._max_bytes_of_person:
            self._remove(person_id, next(iter(self._people[person_id])))
        while self._bytes + entry.size > self._max_bytes or self._count >= self._max_documents:
            oldest = next(iter(self._people))
            self._remove(oldest, next(iter(self._people[oldest])))
        self._people.setdefault(person_id, OrderedDict())[key] = entry
        self._people.move_to_end(person_id)
        self._count += 1
        self._add_bytes(person_id, entry.size)

    def _remove(self, person_id: UUID, key: str) -> None:
        documents = self._people.get(person_id)
        entry = documents.pop(key, None) if documents else None
        if entry is None:
            return
        self._count -= 1
        self._add_bytes(person_id, -entry.size)
        if not documents:
            del self._people[person_id], self._bytes_of[person_id]

    def _add_bytes(self, person_id: UUID, size: int) -> None:
        self._bytes += size
        self._bytes_of[person_id] = self._bytes_of.get(person_id, 0) + size
        KEPT_DOCUMENT_BYTES.set(self._bytes)

    def _drop(self, people: Collection[UUID] | None) -> None:
        """Drop the documents of people who changed, or of all; the thread of the log calls it."""
        with self._lock:
            if people is None:
                self._shown.clear()
            for person_id in list(self._people) if people is None else people:
                for key in list(self._people.get(person_id, ())):
                    self._remove(person_id, key)
