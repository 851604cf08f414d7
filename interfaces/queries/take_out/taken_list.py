"""A part of what a person takes along: one list of documents with its columns."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from interfaces.queries.audit_protocols import ListDisclosures


@dataclass(frozen=True, slots=True)
class TakenList:
    """A list of JSON documents, which arrive page by page."""

    name: str
    """The member of the JSON document, and the CSV file."""
    columns: Sequence[str]
    """The columns of the CSV file: names of members; those inside of an object follow a dot."""
    pages: AsyncIterator[list[bytes]]


async def in_pages(items: list[bytes], size: int = 500) -> AsyncIterator[list[bytes]]:
    """Yield a list of documents in pages."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def all_disclosures(
    disclosures_of: ListDisclosures, person_id: UUID, size: int = 500
) -> AsyncIterator[list[bytes]]:
    """Yield who read the data of a person, newest first: all pages of `/me/disclosures`."""
    cursor: str | None = None
    while True:
        page, _ = await disclosures_of(person_id, cursor=cursor, limit=size)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return
