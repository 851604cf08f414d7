"""Events come back as they were, or say that they don't; the stored bytes are pinned."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.event import EVENTS, Event, Redacted
from domain.events.connection import TokenRejected
from domain.events.person import PersonErased
from domain.events.sync import SyncStarted
from infrastructure.event_store.encryption import DEFLATED, LARGE, SEALED, disclose, enclose
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.event_types import BrokenUpcast
from infrastructure.event_store.mapper import Mapper, Row

STREAM = UUID("00000000-0000-4000-8000-000000000001")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@dataclass
class Drawer:
    """People's keys in memory; None for the erased."""

    keys: dict[UUID, AESGCM | None] = field(default_factory=dict)

    def sealing(self, person_id: UUID) -> AESGCM:
        known = bytes(range(32)) if person_id == PERSON else person_id.bytes * 2
        cipher = self.keys.setdefault(person_id, AESGCM(known))
        assert cipher
        return cipher

    def opening(self, people: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        return {person: self.keys[person] for person in people if person in self.keys}


@pytest.fixture
def drawer() -> Drawer:
    return Drawer()


@pytest.fixture
def mapper(drawer: Drawer) -> Mapper:
    return Mapper(drawer)


def made(event: type[Event], version: int = 1, **facts: Any) -> Event:
    return event(originator_id=STREAM, originator_version=version, timestamp=NOW, **facts)


def rejected(version: int = 1, reason: str = "dead") -> Event:
    return made(TokenRejected, version, reason=reason)


def row(mapper: Mapper, event: Event, **changes: Any) -> Row:
    (stored,) = mapper.store([event], PERSON)
    return stored._replace(recorded_at=NOW, position=7)._replace(**changes)


def form(row: Row) -> int:
    return row[3][0]


@pytest.mark.parametrize("reason", ["dead", "é" * LARGE])
def test_an_event_comes_back_as_it_was(mapper: Mapper, reason: str) -> None:
    event = rejected(reason=reason)
    (recorded,) = mapper.recorded([row(mapper, event)])
    assert recorded == (event, 7, NOW, PERSON)
    assert type(recorded.event) is TokenRejected


def test_ids_come_back_as_ids(mapper: Mapper) -> None:
    event = made(SyncStarted, connection_id=uuid4(), sync_id=uuid4(), worker="w")
    assert mapper.events([row(mapper, event)]) == [event]


def test_the_time_is_that_of_the_log_in_utc(mapper: Mapper) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    (event,) = mapper.events([row(mapper, rejected(), recorded_at=elsewhere)])
    assert event.timestamp == NOW
    assert event.timestamp.tzinfo is UTC
    assert b"timestamp" not in disclose(row(Mapper(None), rejected())[3], None, b"")


def test_what_is_sealed_and_what_is_deflated(mapper: Mapper) -> None:
    erased = made(PersonErased, person_id=PERSON)
    forms = [
        form(row(mapper, rejected())),
        form(row(mapper, rejected(reason="x" * LARGE))),
        form(row(mapper, erased)),
        form(row(Mapper(None), rejected())),
    ]
    assert forms == [SEALED, SEALED | DEFLATED, 0, 0]
    assert mapper.events([row(mapper, erased)]) == [erased]


SEALED_BYTES = (
    "02000102030405060708090a0b3c20a47ea496ad75af7bb5efd4881c4ffe0d2a3b6c8d8da590be6e3af6d642d4a8"
)
DEFLATED_AND_SEALED_BYTES = (
    "03000102030405060708090a0b3f037d4defaf8f37438ec439e3a33120cf872d31f04efb79e9179128a102ab2d55"
    "a73fd6d829f88ace"
)


@pytest.mark.parametrize(
    "stored",
    [
        "007b22726561736f6e223a2264656164227d",
        "017801ab562a4a4d2ccecf53b2524a494d4c51aa050035a405d1",
        SEALED_BYTES,
        DEFLATED_AND_SEALED_BYTES,
    ],
)
def test_bytes_once_stored_are_read_for_ever(drawer: Drawer, stored: str) -> None:
    drawer.sealing(PERSON)
    sealed = int(stored[:2]) & SEALED
    old = (STREAM, 3, "TokenRejected", bytes.fromhex(stored), NOW, PERSON, 1)
    assert Mapper(drawer if sealed else None).events([old]) == [rejected(3)]


def test_the_layout_of_the_stored_bytes(drawer: Drawer) -> None:
    place = STREAM.bytes + (3).to_bytes(8, "big") + b"TokenRejected"
    sealed = enclose(b'{"reason":"dead"}', drawer.sealing(PERSON), bytes(range(12)), place)
    assert sealed.hex() == SEALED_BYTES


def test_the_same_event_is_never_sealed_alike(mapper: Mapper) -> None:
    stored = mapper.store([rejected(), rejected()], PERSON)
    assert stored[0].state != stored[1].state


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"originator_id": UUID(int=1)}, id="another stream"),
        pytest.param({"originator_version": 2}, id="another version"),
        pytest.param({"topic": "ConnectionClosed"}, id="another topic"),
        pytest.param({"topic": "NeverHeardOf"}, id="unknown topic"),
        pytest.param({"person_id": UUID(int=2)}, id="another person"),
        pytest.param({"state": b""}, id="nothing"),
        pytest.param({"state": b"\x09{}"}, id="unknown form"),
        pytest.param({"state": b'\x00{"reason":"forged"}'}, id="not sealed"),
        pytest.param({"state": b"\x02short"}, id="too short"),
    ],
)
def test_a_row_that_was_tampered_with_is_told_by_its_position(
    mapper: Mapper, drawer: Drawer, change: dict[str, Any]
) -> None:
    drawer.sealing(change.get("person_id", PERSON))
    good = row(mapper, rejected())
    bad = row(mapper, rejected(), position=8, **change)
    with pytest.raises(EventUnreadable) as told:
        mapper.recorded([good, bad])
    assert (told.value.position, told.value.stream) == (8, bad[0])
    assert mapper.payloads([good, bad])[0] == {"reason": "dead"}
    assert "unreadable" in mapper.payloads([bad])[0]


def test_every_bit_counts(mapper: Mapper) -> None:
    stored = row(mapper, rejected())
    for nth in range(len(stored[3]) * 8):
        flipped = bytearray(stored[3])
        flipped[nth // 8] ^= 1 << nth % 8
        with pytest.raises(EventUnreadable):
            mapper.events([(*stored[:3], bytes(flipped), *stored[4:])])


def test_an_error_tells_nothing_of_what_is_sealed(mapper: Mapper) -> None:
    bad = row(mapper, rejected(reason="secret"), originator_version=9)
    with pytest.raises(EventUnreadable) as told:
        mapper.events([bad])
    assert "seal is broken" in str(told.value)
    assert bad[3].hex() not in str(told.value)


def test_the_events_of_the_erased_are_redacted(mapper: Mapper, drawer: Drawer) -> None:
    rows = [row(mapper, rejected())]
    drawer.keys[PERSON] = None
    (event,) = mapper.events(rows)
    assert isinstance(event, Redacted)
    assert (event.topic, event.originator_version) == ("TokenRejected", 1)
    assert mapper.payloads(rows) == [{"redacted": True}]


def test_a_key_that_is_lost_is_not_an_erasure(mapper: Mapper, drawer: Drawer) -> None:
    rows = [row(mapper, rejected())]
    drawer.keys.clear()
    with pytest.raises(EventUnreadable):
        mapper.events(rows)


@pytest.fixture
def tomorrow() -> Iterator[None]:
    """The classes of a later release."""
    today = EVENTS.copy()
    yield
    EVENTS.clear()
    EVENTS.update(today)


@pytest.mark.usefixtures("tomorrow")
def test_an_old_event_is_brought_up_to_date(mapper: Mapper) -> None:
    class Later(Event):
        class_version = 3
        reason: str
        code: str
        person: UUID | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["code"] = state["reason"].upper()

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["person"] = None

    old = row(mapper, rejected())
    Later.TOPIC = "TokenRejected"  # type: ignore[attr-defined]  # as stored_as does
    EVENTS["TokenRejected"] = Later
    newer = Mapper(mapper._keys)
    (event,) = newer.events([old])
    assert event == made(Later, reason="dead", code="DEAD", person=None)
    again = made(Later, reason="r", code="c", person=PERSON)
    assert newer.events([row(newer, again)]) == [again]
    assert newer.payloads([row(newer, again)])[0]["code"] == "c"


@pytest.mark.usefixtures("tomorrow")
def test_a_missing_upcast_is_noticed_at_the_start(drawer: Drawer) -> None:
    class Hasty(Event):
        class_version = 3
        upcast_v1_v2 = staticmethod(lambda _: None)

    EVENTS["Hasty"] = Hasty
    with pytest.raises(BrokenUpcast, match="upcast_v2_v3"):
        Mapper(drawer)


@pytest.mark.usefixtures("tomorrow")
def test_an_upcast_that_leads_nowhere_is_noticed_at_the_start(drawer: Drawer) -> None:
    class Forgotten(Event):
        upcast_v1_v2 = staticmethod(lambda _: None)

    EVENTS["Forgotten"] = Forgotten
    with pytest.raises(BrokenUpcast, match="upcast_v1_v2"):
        Mapper(drawer)


@pytest.mark.usefixtures("tomorrow")
def test_an_upcast_that_fails_names_the_event(drawer: Drawer) -> None:
    mapper = Mapper(drawer)
    old = row(mapper, rejected())

    class Clumsy(Event):
        class_version = 2
        reason: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            del state["never there"]

    EVENTS["TokenRejected"] = Clumsy
    with pytest.raises(EventUnreadable, match="never there"):
        Mapper(drawer).events([old])
