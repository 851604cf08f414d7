"""An erasure is recorded once, deletes every time, and also of people who never were."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from application.erase_person import ErasePerson, erase_person
from domain.events import PersonErased
from tests.memory_store import InMemoryChange, InMemoryStore

ADA, BOB = uuid4(), uuid4()


@dataclass
class InMemoryErasures:
    """Whose data was deleted, and whose erasure was finished, each time."""

    deleted: list[tuple[UUID, bool]] = field(default_factory=list)
    finished: list[UUID] = field(default_factory=list)

    def erasing(self, person_id: UUID, *, delete_auth_user: bool) -> InMemoryChange:
        return InMemoryChange(lambda: self.deleted.append((person_id, delete_auth_user)))

    async def finish(self, person_id: UUID) -> None:
        self.finished.append(person_id)


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


@pytest.fixture
def erasures() -> InMemoryErasures:
    return InMemoryErasures()


async def test_an_erasure_is_recorded_once_and_deletes_every_time(
    store: InMemoryStore, erasures: InMemoryErasures
) -> None:
    for _ in range(2):
        await erase_person(ErasePerson(person_id=ADA), store=store, erasures=erasures)
    [event] = store.events
    assert isinstance(event, PersonErased)
    assert event.person_id == ADA
    assert erasures.deleted == [(ADA, False)] * 2
    assert erasures.finished == [ADA, ADA]


async def test_erasures_at_the_same_time_are_recorded_once(
    store: InMemoryStore, erasures: InMemoryErasures
) -> None:
    command = ErasePerson(person_id=ADA, delete_auth_user=True)
    await asyncio.gather(*(erase_person(command, store=store, erasures=erasures) for _ in range(5)))
    assert len(store.events) == 1
    assert (ADA, True) in erasures.deleted


async def test_each_person_has_a_stream_of_their_own(
    store: InMemoryStore, erasures: InMemoryErasures
) -> None:
    for person in (ADA, BOB):
        await erase_person(ErasePerson(person_id=person), store=store, erasures=erasures)
    assert [vars(event)["person_id"] for event in store.events] == [ADA, BOB]
    assert len({event.originator_id for event in store.events}) == 2
