"""An event in a form that the program does not know is refused, with a reason in plain words."""

from typing import Any

import pytest

from domain.event import EVENT_TYPES
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.mapper import Mapper
from tests.infrastructure.event_store.event_rows import (
    PERSON,
    InMemoryPersonKeys,
    make_event,
    to_encrypted_row,
    to_row,
)

NOT_AN_INTEGER = "the version of this CourseFetched is not a positive integer"
NOT_AN_OBJECT = "its state is not a JSON object"


@pytest.fixture
def person_keys() -> InMemoryPersonKeys:
    return InMemoryPersonKeys()


@pytest.fixture
def mapper(person_keys: InMemoryPersonKeys) -> Mapper:
    return Mapper(person_keys)


@pytest.mark.parametrize(
    ("topic", "state", "reason"),
    [
        (
            "CourseFetched",
            {"class_version": 3},
            "version 3 of CourseFetched, this program knows 2: upgrade it",
        ),
        ("CourseFetched", {"class_version": 0}, NOT_AN_INTEGER),
        ("CourseFetched", {"class_version": -1}, NOT_AN_INTEGER),
        ("CourseFetched", {"class_version": True}, NOT_AN_INTEGER),
        ("CourseFetched", {"class_version": "2"}, NOT_AN_INTEGER),
        ("CourseFetched", {"class_version": None}, NOT_AN_INTEGER),
        (
            "CourseFetched",
            {"class_version": 2, "connection_id": None, "sync_id": None, "complete": True}
            | {"assignments": [], "removed": [], "changes": {}, "progress": {}},
            "it lacks course, groups",
        ),
        (
            "TokenRejected",
            {"reason": "dead", "severity": 3, "detail": None},
            "it has detail, severity, which this program does not know",
        ),
        (
            "TokenRejected",
            {"cause": "dead"},
            "it lacks reason and has cause, which this program does not know",
        ),
        (
            "CourseDuplicated",
            {},
            "this program knows no event of type CourseDuplicated: upgrade it",
        ),
        ("TokenRejected", [], NOT_AN_OBJECT),
        ("TokenRejected", "reason", NOT_AN_OBJECT),
        ("TokenRejected", None, NOT_AN_OBJECT),
    ],
)
def test_an_unknown_form_is_refused_with_a_reason_in_plain_words(
    mapper: Mapper, person_keys: InMemoryPersonKeys, topic: str, state: object, reason: str
) -> None:
    row = to_encrypted_row(person_keys, topic, state)
    with pytest.raises(EventUnreadable) as error:
        mapper.to_events([row])
    assert error.value.reason == reason
    assert mapper.to_payloads([row]) == [{"unreadable": reason}]


@pytest.mark.parametrize("topic", sorted(EVENT_TYPES))
def test_what_this_program_stores_it_can_read(mapper: Mapper, topic: str) -> None:
    event_type = mapper._event_types[topic]
    decoded = {name for name, _ in event_type.decoders}
    fields: dict[str, Any] = {
        name: PERSON if name in decoded else "value" for name in event_type.fields
    }
    event = make_event(event_type.event_class, **fields)
    assert mapper.to_events([to_row(mapper, event)]) == [event]
