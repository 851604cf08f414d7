"""Events are restored unchanged or reported as unreadable; the stored bytes are fixed."""

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.event import EVENT_TYPES, Event, Redacted
from domain.events.connection import TokenRejected
from domain.events.person import PersonErased
from domain.events.sync import SyncStarted
from infrastructure.event_store.encryption import (
    COMMITTED_FLAG,
    COMPRESSED_FLAG,
    ENCRYPTED_FLAG,
    MIN_COMPRESSED_BYTES,
    decrypt,
    encrypt,
    encrypt_committed,
)
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.event_types import InvalidUpcasts
from infrastructure.event_store.mapper import EventRow, Mapper
from tests.infrastructure.event_store.event_rows import (
    NOW,
    PERSON,
    STREAM,
    InMemoryPersonKeys,
    make_event,
    to_row,
    token_rejected,
)

EVENT_ID = UUID("00000000-0000-4000-8000-0000000000e1")


@pytest.fixture
def person_keys() -> InMemoryPersonKeys:
    return InMemoryPersonKeys()


@pytest.fixture
def mapper(person_keys: InMemoryPersonKeys) -> Mapper:
    return Mapper(person_keys)


def flags_of(row: EventRow) -> int:
    return row[3][0]


@pytest.mark.parametrize("reason", ["dead", "é" * MIN_COMPRESSED_BYTES])
def test_an_event_is_restored_unchanged(mapper: Mapper, reason: str) -> None:
    event = token_rejected(reason=reason)
    (recorded,) = mapper.to_recorded_events([(*to_row(mapper, event), EVENT_ID)])
    assert recorded == (event, 7, NOW, PERSON, EVENT_ID)
    assert type(recorded.event) is TokenRejected


def test_ids_are_restored_as_uuids(mapper: Mapper) -> None:
    event = make_event(SyncStarted, connection_id=uuid4(), sync_id=uuid4(), worker="w")
    assert mapper.to_events([to_row(mapper, event)]) == [event]


def test_the_timestamp_is_recorded_at_in_utc(mapper: Mapper) -> None:
    other_timezone = NOW.astimezone(timezone(timedelta(hours=5)))
    (event,) = mapper.to_events([to_row(mapper, token_rejected(), recorded_at=other_timezone)])
    assert event.timestamp == NOW
    assert event.timestamp.tzinfo is UTC
    assert b"timestamp" not in decrypt(to_row(Mapper(None), token_rejected())[3], None, b"")


def test_which_events_are_encrypted_and_compressed(mapper: Mapper) -> None:
    erased = make_event(PersonErased, person_id=PERSON)
    flags = [
        flags_of(to_row(mapper, token_rejected())),
        flags_of(to_row(mapper, token_rejected(reason="x" * MIN_COMPRESSED_BYTES))),
        flags_of(to_row(mapper, erased)),
        flags_of(to_row(Mapper(None), token_rejected())),
    ]
    committed = ENCRYPTED_FLAG | COMMITTED_FLAG
    assert flags == [committed, committed | COMPRESSED_FLAG, 0, 0]
    assert mapper.to_events([to_row(mapper, erased)]) == [erased]


ENCRYPTED_BYTES = (
    "02000102030405060708090a0b3c20a47ea496ad75af7bb5efd4881c4ffe0d2a3b6c8d8da590be6e3af6d642d4a8"
)
COMPRESSED_AND_ENCRYPTED_BYTES = (
    "03000102030405060708090a0b3f037d4defaf8f37438ec439e3a33120cf872d31f04efb79e9179128a102ab2d55"
    "a73fd6d829f88ace"
)
COMMITTED_BYTES = (
    "06b36dd11465cb1df0d8bee7c97549273a4ebb3283561541ffbcd263b46d5a3feb000102030405060708090a0b4b"
    "0fd814d5f4d0089954819ca9f06276f8f4f551910830121a5dc7e1780864907c03a3c420750453a5f421f1038a27"
    "ff98"
)
COMPRESSED_AND_COMMITTED_BYTES = (
    "07b36dd11465cb1df0d8bee7c97549273a4ebb3283561541ffbcd263b46d5a3feb000102030405060708090a0b4b"
    "0fd814d5f4d0089954819ca9f06276fbd72c62da311250f6a8b6374f2349ff4d4104f9aff4b69da54437b1cc07d5"
    "b59b93d73f1562b09f15"
)


@pytest.mark.parametrize(
    "stored",
    [
        "007b22726561736f6e223a2264656164227d",
        "017801ab562a4a4d2ccecf53b2524a494d4c51aa050035a405d1",
        ENCRYPTED_BYTES,
        COMPRESSED_AND_ENCRYPTED_BYTES,
        COMMITTED_BYTES,
        COMPRESSED_AND_COMMITTED_BYTES,
    ],
)
def test_every_stored_format_stays_readable(person_keys: InMemoryPersonKeys, stored: str) -> None:
    person_keys.encryption_key(PERSON)
    encrypted = int(stored[:2]) & ENCRYPTED_FLAG
    row = (STREAM, 3, "TokenRejected", bytes.fromhex(stored), NOW, PERSON, 1)
    assert Mapper(person_keys if encrypted else None).to_events([row]) == [token_rejected(3)]


def test_the_layout_of_the_stored_bytes_is_stable(person_keys: InMemoryPersonKeys) -> None:
    associated_data = STREAM.bytes + (3).to_bytes(8, "big") + b"TokenRejected"
    data, cipher = b'{"reason":"dead"}', person_keys.encryption_key(PERSON)
    encrypted = encrypt(data, cipher, bytes(range(12)), associated_data)
    committed = encrypt_committed(data, cipher, bytes(range(28)), associated_data)
    assert (encrypted.hex(), committed.hex()) == (ENCRYPTED_BYTES, COMMITTED_BYTES)


def test_encrypting_an_event_twice_gives_different_bytes(mapper: Mapper) -> None:
    stored = mapper.to_stored_events([token_rejected(), token_rejected()], PERSON)
    assert stored[0].state != stored[1].state


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"originator_id": UUID(int=1)}, id="another stream"),
        pytest.param({"originator_version": 2}, id="another version"),
        pytest.param({"topic": "ConnectionClosed"}, id="another topic"),
        pytest.param({"topic": "UnknownEvent"}, id="unknown topic"),
        pytest.param({"person_id": UUID(int=2)}, id="another person"),
        pytest.param({"state": b""}, id="empty"),
        pytest.param({"state": b"\x09{}"}, id="unknown format"),
        pytest.param({"state": b'\x00{"reason":"forged"}'}, id="not encrypted"),
        pytest.param({"state": b"\x02short"}, id="too short"),
    ],
)
def test_a_row_that_was_tampered_with_is_reported_with_its_position(
    mapper: Mapper, person_keys: InMemoryPersonKeys, change: dict[str, Any]
) -> None:
    person_keys.encryption_key(change.get("person_id", PERSON))
    good = to_row(mapper, token_rejected())
    bad = to_row(mapper, token_rejected(), position=8, **change)
    with pytest.raises(EventUnreadable) as error:
        mapper.to_recorded_events([(*good, EVENT_ID), (*bad, EVENT_ID)])
    assert (error.value.position, error.value.stream) == (8, bad[0])
    assert mapper.to_payloads([good, bad])[0] == {"reason": "dead"}
    assert "unreadable" in mapper.to_payloads([bad])[0]


def test_flipping_any_bit_makes_the_event_unreadable(mapper: Mapper) -> None:
    stored = to_row(mapper, token_rejected())
    for index in range(len(stored[3]) * 8):
        flipped = bytearray(stored[3])
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises(EventUnreadable):
            mapper.to_events([(*stored[:3], bytes(flipped), *stored[4:])])


def test_an_error_contains_no_encrypted_content(mapper: Mapper) -> None:
    bad = to_row(mapper, token_rejected(reason="secret"), originator_version=9)
    with pytest.raises(EventUnreadable) as error:
        mapper.to_events([bad])
    assert "changed, moved, or encrypted with another key" in str(error.value)
    assert bad[3].hex() not in str(error.value)


def test_events_of_an_erased_person_are_redacted(
    mapper: Mapper, person_keys: InMemoryPersonKeys
) -> None:
    rows = [to_row(mapper, token_rejected())]
    person_keys.keys[PERSON] = None
    (event,) = mapper.to_events(rows)
    assert isinstance(event, Redacted)
    assert (event.topic, event.originator_version) == ("TokenRejected", 1)
    assert mapper.to_payloads(rows) == [{"redacted": True}]


def test_events_without_a_key_are_unreadable_and_not_redacted(
    mapper: Mapper, person_keys: InMemoryPersonKeys
) -> None:
    rows = [to_row(mapper, token_rejected())]
    person_keys.keys.clear()
    reason = "the key of the person is missing or cannot be decrypted"
    for read in (mapper.to_events, mapper.open_states):
        with pytest.raises(EventUnreadable, match=reason):
            read(rows)
    assert mapper.to_payloads(rows) == [{"unreadable": reason}]


@pytest.mark.parametrize(
    "state", [b"\x00nonsense", b'\x00{"sync_id":7,"connection_id":7,"worker":"w"}']
)
def test_why_an_event_cannot_be_decoded_is_in_words(state: bytes) -> None:
    row = to_row(Mapper(None), token_rejected(), state=state, topic="SyncStarted")
    with pytest.raises(EventUnreadable) as error:
        Mapper(None).to_events([row])
    assert error.value.reason == "its content is not that of an event of its type"


@pytest.fixture
def restored_event_types() -> Iterator[None]:
    """Restores the event classes after a test that replaces them."""
    original = EVENT_TYPES.copy()
    yield
    EVENT_TYPES.clear()
    EVENT_TYPES.update(original)


@pytest.mark.usefixtures("restored_event_types")
def test_an_old_event_is_upcast_to_the_current_version(mapper: Mapper) -> None:
    class LaterVersion(Event):
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

    old = to_row(mapper, token_rejected())
    LaterVersion.TOPIC = "TokenRejected"  # type: ignore[attr-defined]  # as stored_as does
    EVENT_TYPES["TokenRejected"] = LaterVersion
    newer = Mapper(mapper._keys)
    (event,) = newer.to_events([old])
    assert event == make_event(LaterVersion, reason="dead", code="DEAD", person=None)
    event_v3 = make_event(LaterVersion, reason="r", code="c", person=PERSON)
    assert newer.to_events([to_row(newer, event_v3)]) == [event_v3]
    assert newer.to_payloads([to_row(newer, event_v3)])[0]["code"] == "c"


@pytest.mark.usefixtures("restored_event_types")
def test_a_missing_upcast_is_reported_at_startup(person_keys: InMemoryPersonKeys) -> None:
    class MissingUpcast(Event):
        class_version = 3
        upcast_v1_v2 = staticmethod(lambda _: None)

    EVENT_TYPES["MissingUpcast"] = MissingUpcast
    with pytest.raises(InvalidUpcasts, match="upcast_v2_v3"):
        Mapper(person_keys)


@pytest.mark.usefixtures("restored_event_types")
def test_an_unused_upcast_is_reported_at_startup(person_keys: InMemoryPersonKeys) -> None:
    class UnusedUpcast(Event):
        upcast_v1_v2 = staticmethod(lambda _: None)

    EVENT_TYPES["UnusedUpcast"] = UnusedUpcast
    with pytest.raises(InvalidUpcasts, match="upcast_v1_v2"):
        Mapper(person_keys)


@pytest.mark.usefixtures("restored_event_types")
def test_a_failing_upcast_makes_the_event_unreadable(person_keys: InMemoryPersonKeys) -> None:
    mapper = Mapper(person_keys)
    old = to_row(mapper, token_rejected())

    class FailingUpcast(Event):
        class_version = 2
        reason: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            del state["missing field"]

    EVENT_TYPES["TokenRejected"] = FailingUpcast
    with pytest.raises(EventUnreadable, match="its content is not that") as error:
        Mapper(person_keys).to_events([old])
    assert str(error.value.__cause__) == "'missing field'"
