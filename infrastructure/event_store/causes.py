"""The ids of events that are appended, and which event caused each of them."""

import os
from collections.abc import Sequence
from functools import lru_cache

from domain.event import Event

ID_BYTES = 16

_VERSION_4 = (0xF << 76 | 0x3 << 62, 0x4 << 76 | 0x2 << 62)
"""Which bits of a random UUID are fixed (RFC 9562), and their values."""


def new_event_ids(count: int) -> list[bytes]:
    """Return random UUIDs (version 4) as bytes; all at once, which needs the least time."""
    fixed, values = _version_bits(count)
    size = ID_BYTES * count
    number = int.from_bytes(os.urandom(size)) & ~fixed | values
    ids = number.to_bytes(size)
    return [ids[start : start + ID_BYTES] for start in range(0, size, ID_BYTES)]


def own_causes(events: Sequence[Event], event_ids: Sequence[bytes]) -> list[bytes | None] | None:
    """Return for each event the id of the event before it that caused it, None if there is none.

    The result is None if there is none for all of them; see `Event.CAUSED_BY`.
    """
    if not any(event.CAUSED_BY for event in events):
        return None
    newest: dict[str, bytes] = {}
    causes = list[bytes | None]()
    for event, event_id in zip(events, event_ids, strict=True):
        causes.append(newest.get(event.CAUSED_BY) if event.CAUSED_BY else None)
        newest[type(event).TOPIC] = event_id  # type: ignore[attr-defined]  # set by stored_as
    return causes if any(causes) else None


@lru_cache(maxsize=512)
def _version_bits(count: int) -> tuple[int, int]:
    fixed, values = (each.to_bytes(ID_BYTES) * count for each in _VERSION_4)
    return int.from_bytes(fixed), int.from_bytes(values)
