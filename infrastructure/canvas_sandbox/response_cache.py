"""Caches serialised responses until their content changes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from infrastructure.canvas_sandbox.body_template import BodyTemplate

MAX_CACHE_BYTES = 96 << 20


class CachedResponse(NamedTuple):
    """A serialised response.

    It is valid while the revision of its course (or of all courses) is `revision`, until
    `valid_until`, when the clock alone changes it.
    """

    template: BodyTemplate
    link: str | None
    course_id: int | None
    revision: int
    valid_until: int


class ResponseCache:
    """A least-recently-used cache of responses, limited to `MAX_CACHE_BYTES`."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, CachedResponse] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> CachedResponse | None:
        """Return the response stored under a key, valid or not."""
        cached = self._entries.get(key)
        if cached:
            self._entries.move_to_end(key)
        return cached

    def put(self, key: Hashable, cached: CachedResponse) -> None:
        """Store a response, and evict the least recently used ones."""
        self._evict(key)
        self._entries[key] = cached
        self._size += cached.template.size
        while self._size > MAX_CACHE_BYTES and len(self._entries) > 1:
            self._evict(next(iter(self._entries)))

    def _evict(self, key: Hashable) -> None:
        if evicted := self._entries.pop(key, None):
            self._size -= evicted.template.size
