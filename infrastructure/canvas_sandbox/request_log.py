"""Records the requests to the sandbox and how many were in flight."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

MAX_LOGGED_REQUESTS = 20_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. `student` is None if the token is unknown, `seconds` until the request ends."""

    path: str
    query: str
    student: int | None
    in_flight: int
    status: int | None = None
    refused: bool = False
    fault: str | None = None
    seconds: float | None = None


class RequestLog:
    """The latest requests, and counters of all requests."""

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Delete all entries and reset the counters."""
        self.entries: deque[LoggedRequest] = deque(maxlen=MAX_LOGGED_REQUESTS)
        self._paths: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._max_in_flight: Counter[str] = Counter()
        self._refused = 0

    def begin(self, key: str, path: str, query: str, student: int | None) -> LoggedRequest:
        """Record that a request arrived; `key` identifies its token."""
        self._in_flight[key] += 1
        in_flight = self._in_flight[key]
        self._max_in_flight[key] = max(self._max_in_flight[key], in_flight)
        self._paths[path] += 1
        entry = LoggedRequest(path, query, student, in_flight)
        self.entries.append(entry)
        return entry

    def end(self, key: str, entry: LoggedRequest, seconds: float) -> None:
        """Record that a request ended, with a response or because its client disconnected."""
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]
        entry.seconds = seconds
        self._refused += entry.refused
        if entry.status is not None:
            self._statuses[entry.status] += 1

    def counters(self) -> dict[str, Any]:
        """The counters since the start or the last `clear`.

        `max_in_flight` is by the last six characters of the token.
        """
        return {
            "requests": self._paths.total(),
            "refused": self._refused,
            "not_modified": self._statuses[304],
            "statuses": {str(status): n for status, n in sorted(self._statuses.items())},
            "paths": dict(sorted(self._paths.items())),
            "in_flight": self._in_flight.total(),
            "max_in_flight": {key[-6:]: maximum for key, maximum in self._max_in_flight.items()},
        }
