"""The table of connections as a scan asks it: who is due, those due longest first."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace

NEVER = float("inf")
Entry = tuple[float, int]
"""When a connection is due, in seconds, and which it is."""


class DueList:
    """One line of the due for each host; a connection that is not due any more is passed over."""

    def __init__(self, hosts: "array[int]") -> None:
        self.due = array("d", [NEVER]) * len(hosts)
        self._hosts = hosts
        self._later: dict[int, list[Entry]] = {}
        self._second = 0
        self._lines: dict[int, list[Entry]] = {}

    def put(self, connection: int, due: float) -> None:
        """A connection rests until then."""
        self.due[connection] = due
        self._later.setdefault(int(due), []).append((due, connection))

    def begin(self, dues: Iterable[float]) -> None:
        """Everybody's first rest."""
        for connection, due in enumerate(dues):
            self.put(connection, due)

    def take(self, connection: int) -> None:
        """A run of it is asked for: it is not due while that lives."""
        self.due[connection] = NEVER

    def find(
        self,
        now: float,
        limit: int,
        *,
        after: Entry | None = None,
        only: Iterable[int] | None = None,
        without: Iterable[int] = (),
    ) -> list[Entry]:
        """Up to so many of the due, in order."""
        self._pass(now)
        hosts = self._lines.keys() if only is None else self._lines.keys() & set(only)
        heads = []
        for host in hosts - set(without):
            line = self._trimmed(host)
            nth = self._next(line, bisect_right(line, after) if after else 0)
            if nth < len(line):
                heads.append((*line[nth], nth, line))
        heapify(heads)
        found: list[Entry] = []
        while heads and len(found) < limit:
            due, connection, nth, line = heads[0]
            found.append((due, connection))
            nth = self._next(line, nth + 1)
            if nth < len(line):
                heapreplace(heads, (*line[nth], nth, line))
            else:
                heappop(heads)
        return found

    def _pass(self, now: float) -> None:
        """Whoever is due by now joins the line of their host."""
        for second in range(self._second, int(now) + 1):
            coming = sorted(self._later.pop(second, ()))
            passed = bisect_right(coming, (now, len(self.due)))
            if coming[passed:]:
                self._later[second] = coming[passed:]
            for entry in coming[:passed]:
                if self.due[entry[1]] == entry[0]:
                    self._lines.setdefault(self._hosts[entry[1]], []).append(entry)
        self._second = int(now)

    def _next(self, line: list[Entry], nth: int) -> int:
        while nth < len(line) and self.due[line[nth][1]] != line[nth][0]:
            nth += 1
        return nth

    def _trimmed(self, host: int) -> list[Entry]:
        line = self._lines[host]
        gone = self._next(line, 0)
        if gone == len(line):
            del self._lines[host]
            return []
        if gone:
            del line[:gone]
        return line
