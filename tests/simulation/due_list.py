"""The due connections as the scanner queries them, those that are due longest first."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace

NEVER = float("inf")
Entry = tuple[float, int]
"""The time in seconds at which a connection is due, and its index."""
QueueKey = tuple[int, int]
"""The host of a queue, and 1 if the last runs of its connections failed, else 0."""


class DueList:
    """Two queues of due connections for each host; entries that are obsolete are skipped.

    One of them has the connections whose last run failed for a transient reason.
    """

    def __init__(self, hosts: "array[int]") -> None:
        self.due_at = array("d", [NEVER]) * len(hosts)
        self._hosts = hosts
        self._has_failed = bytearray(len(hosts))
        self._future: dict[int, list[Entry]] = {}
        self._current_second = 0
        self._queues: dict[QueueKey, list[Entry]] = {}

    def put(self, connection: int, due: float, *, has_failed: bool = False) -> None:
        """Set the time at which a connection is due, and whether its last run failed."""
        self.due_at[connection] = due
        self._has_failed[connection] = has_failed
        self._future.setdefault(int(due), []).append((due, connection))

    def put_all(self, due_times: Iterable[float]) -> None:
        """Set the times at which all connections are due, in the order of their indexes."""
        for connection, due in enumerate(due_times):
            self.put(connection, due)

    def remove(self, connection: int) -> None:
        """Remove a connection, because a run of it is requested."""
        self.due_at[connection] = NEVER

    def find(
        self,
        now: float,
        limit: int,
        *,
        after: Entry | None = None,
        only: Iterable[int] | None = None,
        without: Iterable[int] = (),
        without_failures: bool = False,
    ) -> list[Entry]:
        """Return up to `limit` entries that are due at `now`, in order, after the entry `after`.

        `only` and `without` restrict the hosts, `without_failures` the connections.
        """
        self._advance_to(now)
        keys = set(self._queues) if only is None else self._queues.keys() & _keys_of(only)
        heads = []
        for key in keys - _keys_of(without):
            if without_failures and key[1]:
                continue
            queue = self._pruned_queue(key)
            index = self._next_index(queue, bisect_right(queue, after) if after else 0)
            if index < len(queue):
                heads.append((*queue[index], index, queue))
        heapify(heads)
        found: list[Entry] = []
        while heads and len(found) < limit:
            due, connection, index, queue = heads[0]
            found.append((due, connection))
            index = self._next_index(queue, index + 1)
            if index < len(queue):
                heapreplace(heads, (*queue[index], index, queue))
            else:
                heappop(heads)
        return found

    def _advance_to(self, now: float) -> None:
        """Move the entries that are due by `now` to the queues of their hosts."""
        for second in range(self._current_second, int(now) + 1):
            entries = sorted(self._future.pop(second, ()))
            due_count = bisect_right(entries, (now, len(self.due_at)))
            if entries[due_count:]:
                self._future[second] = entries[due_count:]
            for entry in entries[:due_count]:
                if self.due_at[entry[1]] == entry[0]:
                    key = self._hosts[entry[1]], self._has_failed[entry[1]]
                    self._queues.setdefault(key, []).append(entry)
        self._current_second = int(now)

    def _next_index(self, queue: list[Entry], index: int) -> int:
        while index < len(queue) and self.due_at[queue[index][1]] != queue[index][0]:
            index += 1
        return index

    def _pruned_queue(self, key: QueueKey) -> list[Entry]:
        queue = self._queues[key]
        obsolete = self._next_index(queue, 0)
        if obsolete == len(queue):
            del self._queues[key]
            return []
        if obsolete:
            del queue[:obsolete]
        return queue


def _keys_of(hosts: Iterable[int]) -> set[QueueKey]:
    return {(host, has_failed) for host in hosts for has_failed in (0, 1)}
