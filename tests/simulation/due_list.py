"""The due connections as the scanner queries them, those that are due longest first."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace

NEVER = float("inf")
Entry = tuple[float, int]
"""The time in seconds at which a connection is due, and its index."""


class DueList:
    """A queue of due connections for each host; entries that are obsolete are skipped."""

    def __init__(self, hosts: "array[int]") -> None:
        self.due_at = array("d", [NEVER]) * len(hosts)
        self._hosts = hosts
        self._future: dict[int, list[Entry]] = {}
        self._current_second = 0
        self._queues: dict[int, list[Entry]] = {}

    def put(self, connection: int, due: float) -> None:
        """Set the time at which a connection is due."""
        self.due_at[connection] = due
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
    ) -> list[Entry]:
        """Return up to `limit` entries that are due at `now`, in order, after the entry `after`.

        `only` and `without` restrict the hosts.
        """
        self._advance_to(now)
        hosts = self._queues.keys() if only is None else self._queues.keys() & set(only)
        heads = []
        for host in hosts - set(without):
            queue = self._pruned_queue(host)
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
                    self._queues.setdefault(self._hosts[entry[1]], []).append(entry)
        self._current_second = int(now)

    def _next_index(self, queue: list[Entry], index: int) -> int:
        while index < len(queue) and self.due_at[queue[index][1]] != queue[index][0]:
            index += 1
        return index

    def _pruned_queue(self, host: int) -> list[Entry]:
        queue = self._queues[host]
        obsolete = self._next_index(queue, 0)
        if obsolete == len(queue):
            del self._queues[host]
            return []
        if obsolete:
            del queue[:obsolete]
        return queue
