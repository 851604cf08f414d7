"""Saves what many callers save at the same moment in one transaction: group commit.

A lone caller appends as before. If a group is refused, each of its callers appends alone and gets
their own error.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from uuid import UUID

from application.event_metadata import EventMetadata
from domain.aggregate import Aggregate
from domain.event import Event
from infrastructure.event_store.appender import Appender, PreparedAppend
from infrastructure.event_store.errors import MixedPersons
from infrastructure.event_store.mapper import PersonKeyring
from infrastructure.event_store.pending_events import pending_events, require_one_person
from infrastructure.event_store.recorder import GroupRefused
from infrastructure.observability.spans import span
from infrastructure.postgres.batched_calls import BatchedCalls
from infrastructure.postgres.threads import DatabaseThreads

MIN_GROUP_SIZE = 2
MAX_GROUP_BYTES = 1_000_000
"""Bytes that are appended for several callers in one transaction; the rest is appended alone."""


@dataclass(eq=False, slots=True)
class Save:
    """What one caller saves; `prepared` is what a refused group has tried to append for them."""

    aggregates: Sequence[Aggregate]
    metadata: EventMetadata
    context: Context = field(default_factory=copy_context)
    prepared: PreparedAppend | None = None

    @property
    def events(self) -> list[Event]:
        """The events to append, in order."""
        return pending_events(self.aggregates)


class GroupCommit:
    """Appends for many callers together.

    `save_alone` appends for one caller, and `finish` notes what the group has appended; both are
    called in a thread.
    """

    def __init__(
        self,
        appender: Appender,
        keys: PersonKeyring,
        threads: DatabaseThreads,
        save_alone: Callable[[Save], None],
        finish: Callable[[Sequence[Save]], None],
    ) -> None:
        self._appender = appender
        self._keys = keys
        self._threads = threads
        self._save_alone = save_alone
        self._finish = finish
        self._calls = BatchedCalls(threads.running(self._save_group))

    async def save(self, save: Save) -> None:
        """Append the events of a caller; raises what `save_alone` raises."""
        is_saved = await self._calls.ask(save)
        if not is_saved:
            await self._threads.run(self._save_alone, save)

    def _save_group(self, saves: Sequence[Save]) -> list[bool]:
        """Append for all that can be appended together; return for each whether it is."""
        if len(saves) == 1:
            saves[0].context.run(self._save_alone, saves[0])
            return [True]
        group = self._prepare(saves)
        if len(group) < MIN_GROUP_SIZE:
            return [False] * len(saves)
        try:
            with _spans(group):
                places = self._appender.append_group([prepared for _, prepared in group])
        except GroupRefused:
            return [False] * len(saves)
        saved = [save for save, _ in group]
        for save, place in zip(saved, places, strict=True):
            save.metadata.appended = place
        self._finish(saved)
        return [save in saved for save in saves]

    def _prepare(self, saves: Sequence[Save]) -> list[tuple[Save, PreparedAppend]]:
        """Encrypt what can be appended together.

        Left out are people without a usable key, a second append to one stream, what is large, and
        what cannot be encoded.
        """
        people = {save: person for save in saves if (person := _person_of(save))}
        ciphers = self._keys.decryption_keys({*people.values()})
        group = list[tuple[Save, PreparedAppend]]()
        streams, bytes_left = set[UUID](), MAX_GROUP_BYTES
        for save, person in people.items():
            own = {each.id for each in save.aggregates if each.pending_events}
            if ciphers.get(person) is None or streams & own:
                continue
            with suppress(TypeError, ValueError):
                events = save.events, person, save.metadata
                save.prepared = self._appender.prepare(save.aggregates, events, ciphers[person])
                size = sum(len(row.state) for row in save.prepared.append.rows)
                if size <= bytes_left:
                    bytes_left -= size
                    group.append((save, save.prepared))
                    streams |= own
        return group


def _person_of(save: Save) -> UUID | None:
    with suppress(MixedPersons):
        return require_one_person(save.aggregates)
    return None


@contextmanager
def _spans(group: Sequence[tuple[Save, PreparedAppend]]) -> Iterator[None]:
    """Trace the append for each caller, in their own context."""
    with ExitStack() as stack:
        for save, _ in group:
            traced = span("append", {"easeboard.events": len(save.events)})
            save.context.run(traced.__enter__)
            stack.callback(save.context.run, traced.__exit__, None, None, None)
        yield
