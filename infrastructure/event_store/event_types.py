"""Describes how each event class is stored and restored; computed once, at the start."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, ClassVar, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import domain.events  # noqa: F401  # the import registers every event
from domain.event import EVENT_TYPES, Event
from infrastructure.event_store.errors import UnknownForm

State = dict[str, Any]

COLUMN_FIELDS = ("originator_id", "originator_version", "timestamp")
"""Fields that are stored in columns of the log, not in the state."""


class InvalidUpcasts(TypeError):
    """An event class lacks an upcaster, or has one for a version that does not exist."""


class EventType(NamedTuple):
    """How the mapper stores and restores the events of one class."""

    event_class: type[Event]
    topic: str
    topic_bytes: bytes
    encrypted: bool
    version: int
    upcasts: tuple[Callable[[State], None], ...]
    decoders: tuple[tuple[str, Callable[[Any], Any]], ...]
    fields: frozenset[str]


parse_uuid = lru_cache(65_536)(UUID)


def collect_event_types() -> dict[str, EventType]:
    """Return every event type by the name it is stored under; raises InvalidUpcasts."""
    return {topic: _describe(topic, event_class) for topic, event_class in EVENT_TYPES.items()}


def find_decoders(owner: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return the attributes that JSON stores as text, each with the function that restores it."""
    hints = get_type_hints(owner)
    decoders = (
        (name, _find_decoder(hint)) for name, hint in hints.items() if name not in COLUMN_FIELDS
    )
    return tuple((name, decoder) for name, decoder in decoders if decoder)


def find_upcasts(event_class: type) -> tuple[Callable[[State], None], ...]:
    """Return the upcasters from version 1 to the version of the class, in order.

    Raises: InvalidUpcasts if one is missing, or belongs to a version that does not exist.
    """
    version = getattr(event_class, "class_version", 1)
    names = [f"upcast_v{step}_v{step + 1}" for step in range(1, version)]
    steps = [getattr(event_class, name, None) for name in names]
    for name, step in zip(names, steps, strict=True):
        if not callable(step):
            raise InvalidUpcasts(
                f"{event_class.__name__} has class_version {version} but no method {name}: add it."
            )
    stray = {name for name in dir(event_class) if name.startswith("upcast_v")} - set(names)
    if stray:
        raise InvalidUpcasts(
            f"{event_class.__name__} has a method {min(stray)} but class_version {version}: "
            "raise class_version or remove the method."
        )
    return tuple(step for step in steps if step)


def to_current_form(event_type: EventType, state: Any) -> State:
    """Upcast a decoded state in place to the current version of its class, and return it.

    Raises: UnknownForm if it is not a JSON object, if its version is not one that this program
    knows, or if its fields are not exactly those of the class.
    """
    if not isinstance(state, dict):
        raise UnknownForm("its state is not a JSON object")
    version = state.pop("class_version", 1)
    # A type and not isinstance, because JSON's true is no version.
    if type(version) is not int or not 0 < version <= event_type.version:
        raise UnknownForm(_describe_version(event_type, version))
    if version < event_type.version:
        for upcast in event_type.upcasts[version - 1 :]:
            upcast(state)
    if state.keys() != event_type.fields:
        raise UnknownForm(_describe_fields(event_type, state))
    return state


def _describe_version(event_type: EventType, version: Any) -> str:
    if type(version) is not int or version < 1:
        return f"the version of this {event_type.topic} is not a positive integer"
    return (
        f"version {version} of {event_type.topic}, this program knows {event_type.version}: "
        "upgrade it"
    )


def _describe_fields(event_type: EventType, state: State) -> str:
    missing, unknown = event_type.fields - state.keys(), state.keys() - event_type.fields
    parts = [
        f"lacks {', '.join(sorted(missing))}" if missing else "",
        f"has {', '.join(sorted(unknown))}, which this program does not know" if unknown else "",
    ]
    return f"it {' and '.join(part for part in parts if part)}"


def _describe(topic: str, event_class: type[Event]) -> EventType:
    return EventType(
        event_class=event_class,
        topic=topic,
        topic_bytes=topic.encode(),
        encrypted=event_class.ENCRYPTED,
        version=getattr(event_class, "class_version", 1),
        upcasts=find_upcasts(event_class),
        decoders=find_decoders(event_class),
        fields=_stored_fields(event_class),
    )


def _stored_fields(event_class: type[Event]) -> frozenset[str]:
    return frozenset(
        name
        for name, hint in get_type_hints(event_class).items()
        if name not in COLUMN_FIELDS and get_origin(hint) is not ClassVar
    )


def _find_decoder(hint: Any) -> Callable[[Any], Any] | None:
    is_optional = get_origin(hint) in {Union, UnionType}
    types = {part for part in get_args(hint) if part is not NoneType} if is_optional else {hint}
    decoders: dict[Any, Callable[[Any], Any]] = {UUID: parse_uuid, datetime: datetime.fromisoformat}
    decoder = decoders.get(types.pop()) if len(types) == 1 else None
    if decoder is None or not is_optional:
        return decoder
    return lambda value: None if value is None else decoder(value)
