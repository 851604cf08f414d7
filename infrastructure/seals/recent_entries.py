"""Keeps the entries that were sealed last, so that they are published without another read."""

from collections.abc import Sequence
from threading import Lock

MAX_ENTRIES = 16_384


class RecentEntries:
    """Consecutive entries of the tree, the newest ones; threads may share it."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._start = 0
        self._entries: list[bytes] = []
        self._lock = Lock()

    def add(self, start: int, entries: Sequence[bytes]) -> None:
        """Keep entries, the first of which has the index `start`."""
        with self._lock:
            if start != self._start + len(self._entries):
                self._start, self._entries = start, []
            self._entries.extend(entries)
            if (surplus := len(self._entries) - self._max_entries) > 0:
                del self._entries[:surplus]
                self._start += surplus

    def get(self, start: int, end: int) -> list[bytes] | None:
        """Return the entries from index `start` to before `end`; None if one is not kept."""
        with self._lock:
            first, last = start - self._start, end - self._start
            if first < 0 or last > len(self._entries):
                return None
            return self._entries[first:last]
