"""What must be known of an event class to store and restore its events, worked out once."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import domain.events  # noqa: F401  # each event makes itself known
from domain.event import EVENT_TYPES, Event

State = dict[str, Any]

COLUMN_FIELDS = ("originator_id", "originator_version", "timestamp")
"""Fields that are columns of the log, not part of the state."""


class InvalidUpcasts(TypeError):
    """An event class says it has versions that nothing leads up to."""


class EventType(NamedTuple):
    """An event class as the mapper sees it."""

    event_class: type[Event]
    topic: str
    topic_bytes: bytes
    encrypted: bool
    version: int
    upcasts: tuple[Callable[[State], None], ...]
    decoders: tuple[tuple[str, Callable[[Any], Any]], ...]


parse_uuid = lru_cache(65_536)(UUID)


def collect_event_types() -> dict[str, EventType]:
    """Every event class by the name it is stored under; raises InvalidUpcasts."""
    return {topic: _describe(topic, event_class) for topic, event_class in EVENT_TYPES.items()}


def find_decoders(owner: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Which attributes JSON keeps as text, and what makes them themselves again."""
    hints = get_type_hints(owner)
    decoders = (
        (name, _find_decoder(hint)) for name, hint in hints.items() if name not in COLUMN_FIELDS
    )
    return tuple((name, decoder) for name, decoder in decoders if decoder)


def find_upcasts(event_class: type) -> tuple[Callable[[State], None], ...]:
    """The steps from version 1 to the class's own; raises InvalidUpcasts where one is missing."""
    version = getattr(event_class, "class_version", 1)
    names = [f"upcast_v{step}_v{step + 1}" for step in range(1, version)]
    steps = [getattr(event_class, name, None) for name in names]
    for name, step in zip(names, steps, strict=True):
        if not callable(step):
            raise InvalidUpcasts(
                f"{event_class.__name__} has class_version {version} but no {name}."
            )
    stray = {name for name in dir(event_class) if name.startswith("upcast_v")} - set(names)
    if stray:
        raise InvalidUpcasts(
            f"{event_class.__name__} has class_version {version} and yet {min(stray)}."
        )
    return tuple(step for step in steps if step)


def _describe(topic: str, event_class: type[Event]) -> EventType:
    return EventType(
        event_class=event_class,
        topic=topic,
        topic_bytes=topic.encode(),
        encrypted=event_class.ENCRYPTED,
        version=getattr(event_class, "class_version", 1),
        upcasts=find_upcasts(event_class),
        decoders=find_decoders(event_class),
    )


def _find_decoder(hint: Any) -> Callable[[Any], Any] | None:
    is_optional = get_origin(hint) in {Union, UnionType}
    types = {part for part in get_args(hint) if part is not NoneType} if is_optional else {hint}
    decoders: dict[Any, Callable[[Any], Any]] = {UUID: parse_uuid, datetime: datetime.fromisoformat}
    decoder = decoders.get(types.pop()) if len(types) == 1 else None
    if decoder is None or not is_optional:
        return decoder
    return lambda value: None if value is None else decoder(value)
