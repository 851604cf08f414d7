"""What was asked of the sandbox, and how much at once."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

KEPT = 20_000


@dataclass(slots=True)
class Asked:
    """One request; `student` is None where the token is nobody's, `seconds` while it runs."""

    path: str
    query: str
    student: int | None
    in_flight: int
    status: int | None = None
    refused: bool = False
    fault: str | None = None
    seconds: float | None = None


class RequestLog:
    """The latest requests, and counts of all of them."""

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self.forget()

    def forget(self) -> None:
        """Start counting anew."""
        self.entries: deque[Asked] = deque(maxlen=KEPT)
        self._paths: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._most: Counter[str] = Counter()
        self._refused = 0

    def begin(self, key: str, path: str, query: str, student: int | None) -> Asked:
        """A request arrives; `key` names its token."""
        self._in_flight[key] += 1
        in_flight = self._in_flight[key]
        self._most[key] = max(self._most[key], in_flight)
        self._paths[path] += 1
        asked = Asked(path, query, student, in_flight)
        self.entries.append(asked)
        return asked

    def end(self, key: str, asked: Asked, seconds: float) -> None:
        """A request is answered, or its client gone."""
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]
        asked.seconds = seconds
        self._refused += asked.refused
        if asked.status is not None:
            self._statuses[asked.status] += 1

    def counters(self) -> dict[str, Any]:
        """Totals since the beginning or the last `forget`; tokens by their last six characters."""
        return {
            "requests": self._paths.total(),
            "refused": self._refused,
            "not_modified": self._statuses[304],
            "statuses": {str(status): n for status, n in sorted(self._statuses.items())},
            "paths": dict(sorted(self._paths.items())),
            "in_flight": self._in_flight.total(),
            "max_in_flight": {key[-6:]: most for key, most in self._most.items()},
        }
