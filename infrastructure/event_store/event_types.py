"""What must be known of an event class to store and restore its events, worked out once."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import domain.events  # noqa: F401  # each event makes itself known
from domain.event import EVENTS, Event

State = dict[str, Any]

ENVELOPE = ("originator_id", "originator_version", "timestamp")
"""Fields that are columns of the log, not part of the state."""


class BrokenUpcast(TypeError):
    """An event class says it has versions that nothing leads up to."""


class Kind(NamedTuple):
    """An event class as the mapper sees it."""

    event: type[Event]
    name: str
    topic: bytes
    sealed: bool
    version: int
    upcasts: tuple[Callable[[State], None], ...]
    conversions: tuple[tuple[str, Callable[[Any], Any]], ...]


uuid_of = lru_cache(65_536)(UUID)


def kinds() -> dict[str, Kind]:
    """Every event class by the name it is stored under; raises BrokenUpcast."""
    return {topic: _kind(topic, event) for topic, event in EVENTS.items()}


def conversions(kind: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Which attributes JSON keeps as text, and what makes them themselves again."""
    hints = get_type_hints(kind)
    found = ((name, _conversion(hint)) for name, hint in hints.items() if name not in ENVELOPE)
    return tuple((name, convert) for name, convert in found if convert)


def upcasts(kind: type) -> tuple[Callable[[State], None], ...]:
    """The steps from version 1 to the class's own; raises BrokenUpcast where one is missing."""
    version = getattr(kind, "class_version", 1)
    names = [f"upcast_v{step}_v{step + 1}" for step in range(1, version)]
    steps = [getattr(kind, name, None) for name in names]
    for name, step in zip(names, steps, strict=True):
        if not callable(step):
            raise BrokenUpcast(f"{kind.__name__} has class_version {version} but no {name}.")
    stray = {name for name in dir(kind) if name.startswith("upcast_v")} - set(names)
    if stray:
        raise BrokenUpcast(f"{kind.__name__} has class_version {version} and yet {min(stray)}.")
    return tuple(step for step in steps if step)


def _kind(topic: str, event: type[Event]) -> Kind:
    return Kind(
        event=event,
        name=topic,
        topic=topic.encode(),
        sealed=event.SEALED,
        version=getattr(event, "class_version", 1),
        upcasts=upcasts(event),
        conversions=conversions(event),
    )


def _conversion(hint: Any) -> Callable[[Any], Any] | None:
    optional = get_origin(hint) in {Union, UnionType}
    plain = {part for part in get_args(hint) if part is not NoneType} if optional else {hint}
    made_by: dict[Any, Callable[[Any], Any]] = {UUID: uuid_of, datetime: datetime.fromisoformat}
    convert = made_by.get(plain.pop()) if len(plain) == 1 else None
    if convert is None or not optional:
        return convert
    return lambda value: None if value is None else convert(value)
