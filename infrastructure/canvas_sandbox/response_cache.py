"""Answers kept serialised until something in them changes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from infrastructure.canvas_sandbox.body_template import Template

ROOM = 96 << 20


class Kept(NamedTuple):
    """A serialised answer, the revision it shows, and when the clock alone outdates it."""

    template: Template
    link: str | None
    course_id: int | None
    revision: int
    until: int


class Memory:
    """The answers used last, as many as fit into 96 MiB."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._size = 0

    def recall(self, key: Hashable) -> Kept | None:
        """An answer kept under this key, current or not."""
        kept = self._kept.get(key)
        if kept:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, kept: Kept) -> None:
        """Keep an answer, and let go of those unused the longest."""
        self._drop(key)
        self._kept[key] = kept
        self._size += kept.template.size
        while self._size > ROOM and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        if gone := self._kept.pop(key, None):
            self._size -= gone.template.size
