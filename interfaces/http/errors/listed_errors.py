"""How many errors of one request are listed, and a request that has more of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_LISTED_ERRORS = 20
MAX_LISTED_CHARACTERS = 5000
"""Characters of all listed names and messages together, so that the response stays small."""


class TooManyErrors(Exception):
    """A request has more errors than are listed; the others are counted and never built.

    `entries` are the first ones, with `loc`, `msg` and `type` as FastAPI has them. `count` is the
    number of all, or a lower bound if it is not exact. Pydantic passes this exception on, because
    it is no ValueError.
    """

    def __init__(
        self, entries: Sequence[Mapping[str, Any]], count: int, *, is_exact: bool = True
    ) -> None:
        super().__init__(f"{count} errors")
        self.entries = entries
        self.count = count
        self.is_exact = is_exact


def first_entries(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most 20 entries, and fewer if they are long; at least one."""
    listed: list[dict[str, Any]] = []
    characters = 0
    for entry in entries:
        characters += len(entry["msg"]) + sum(len(str(part)) for part in entry["loc"])
        if listed and (len(listed) == MAX_LISTED_ERRORS or characters > MAX_LISTED_CHARACTERS):
            break
        listed.append(entry)
    return listed
