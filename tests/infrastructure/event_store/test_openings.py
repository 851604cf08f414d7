"""The mapper opens one event of a living person, and nothing of an erased one."""

import pytest

from domain.event import Event
from domain.events.person import PersonErased
from infrastructure.event_store.encryption import (
    MIN_COMPRESSED_BYTES,
    OpeningWrong,
    check_opening,
)
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.mapper import Mapper
from tests.infrastructure.event_store.event_rows import (
    PERSON,
    InMemoryPersonKeys,
    make_event,
    to_encrypted_row,
    to_row,
    token_rejected,
)


@pytest.fixture
def person_keys() -> InMemoryPersonKeys:
    return InMemoryPersonKeys()


@pytest.fixture
def mapper(person_keys: InMemoryPersonKeys) -> Mapper:
    return Mapper(person_keys)


@pytest.mark.parametrize("event", [token_rejected(), token_rejected(1, "x" * MIN_COMPRESSED_BYTES)])
def test_an_event_is_opened_with_the_text_that_was_stored(mapper: Mapper, event: Event) -> None:
    row = to_row(mapper, event)
    opening = mapper.open_state(row)
    assert opening
    check_opening(row[3], opening)
    assert opening.plaintext.startswith(b'{"reason":"')
    assert mapper.to_payloads([row]) == [{"reason": vars(event)["reason"]}]


def test_two_equal_events_have_different_openings(mapper: Mapper) -> None:
    rows = [to_row(mapper, token_rejected()) for _ in range(2)]
    openings = mapper.open_states(rows)
    assert openings[0]
    assert openings[0] != openings[1]
    with pytest.raises(OpeningWrong):
        check_opening(rows[1][3], openings[0])


def test_nothing_of_an_erased_person_is_opened(
    mapper: Mapper, person_keys: InMemoryPersonKeys
) -> None:
    rows = [to_row(mapper, token_rejected(version)) for version in (1, 2)]
    person_keys.keys[PERSON] = None
    assert mapper.open_states(rows) == [None, None]


def test_an_event_without_a_commitment_has_no_opening(
    mapper: Mapper, person_keys: InMemoryPersonKeys
) -> None:
    older = to_encrypted_row(person_keys, "TokenRejected", {"reason": "dead"})
    plain = to_row(mapper, make_event(PersonErased, person_id=PERSON))
    assert mapper.open_states([older, plain]) == [None, None]


def test_an_event_without_its_key_is_reported(
    mapper: Mapper, person_keys: InMemoryPersonKeys
) -> None:
    row = to_row(mapper, token_rejected())
    person_keys.keys.clear()
    with pytest.raises(EventUnreadable):
        mapper.open_state(row)


def test_a_row_that_was_moved_is_not_opened(mapper: Mapper) -> None:
    row = to_row(mapper, token_rejected(), originator_version=9)
    with pytest.raises(EventUnreadable, match="changed, moved"):
        mapper.open_state(row)
