"""How much of a query string is read: parsing 32 KiB of it would cost 30 ms."""

from typing import NamedTuple

MAX_QUERY_BYTES, MAX_QUERY_PARAMETERS = 8192, 100


class UnreadQuery(NamedTuple):
    """The size of a query string of which only the beginning is read."""

    parameters: int
    size: int

    @property
    def reason(self) -> str:
        """Why it is not read, as the continuation of a sentence about it."""
        return (
            f"has {self.parameters} parameters in {self.size} bytes; it may have at most"
            f" {MAX_QUERY_PARAMETERS} in {MAX_QUERY_BYTES} bytes"
        )


def find_excess(query: bytes) -> UnreadQuery | None:
    """Return the size of a query string that is too long to be read completely, or None."""
    parameters = query.count(b"&") + 1
    is_short = len(query) <= MAX_QUERY_BYTES and parameters <= MAX_QUERY_PARAMETERS
    return None if is_short else UnreadQuery(parameters, len(query))


def first_parameters(query: bytes) -> bytes:
    """Return the beginning of a query string: complete parameters within both limits."""
    start = query
    if len(query) > MAX_QUERY_BYTES:
        start, _, _ = query[: MAX_QUERY_BYTES + 1].rpartition(b"&")
    return b"&".join(start.split(b"&", MAX_QUERY_PARAMETERS)[:MAX_QUERY_PARAMETERS])
