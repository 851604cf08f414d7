"""`easeboard audit readings`: prints who read what, when, and for which purpose."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from application.event_metadata import with_event_metadata
from application.record_list_read import RecordListRead
from interfaces.access_description import describe_access
from interfaces.cli.output import print_json, print_line, print_wrapped
from interfaces.cli.purpose import cli_reader, cli_reader_id
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.queries.sentence_parts import at_time

Document = dict[str, Any]
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSelection:
    """Which readings to print: the options of the command."""

    reader: str | None = None
    connection_id: UUID | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        """Return what is recorded about this read: the options that were given."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return describe_access("readings", options)


def show_readings(selection: ReadingSelection, *, limit: int, purpose: str, json: bool) -> None:
    """Print the newest readings that are selected. The read is recorded before, as a list."""
    found, has_more = run(_read(selection, limit, purpose))
    if json:
        print_json({"items": found})
        return
    for reading in found:
        _print_reading(reading)
    if not found:
        print_line("No reading was found.")
    if has_more:
        print_line(f"There are more: these are the newest {limit}. Use --limit for more.")


def _print_reading(reading: Document) -> None:
    head = f"{at_time(reading['read_at'])[:19]}  "
    indent = " " * len(head)
    print_wrapped(
        f"{reading['reader']}: {reading['purpose'] or 'no purpose'}", head, hanging=indent
    )
    print_wrapped(reading["what"], indent)
    for name in ("connection", "user"):
        if reading[f"{name}_id"]:
            print_wrapped(f"{name} {reading[f'{name}_id']}", indent)


async def _read(
    selection: ReadingSelection, limit: int, purpose: str
) -> tuple[list[Document], bool]:
    reader = cli_reader()
    found: list[Document] = []
    cursor: str | None = None
    async with bootstrap(configure()) as process:
        service = process.service
        while len(found) < limit:
            page, _ = await service.readings(
                reader=selection.reader,
                connection_id=selection.connection_id,
                since=selection.since,
                cursor=cursor,
                limit=min(limit - len(found), LARGEST_PAGE),
            )
            found += map(orjson.loads, page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
        with with_event_metadata(reader):
            await service.record_list_read(
                RecordListRead(
                    reader_id=cli_reader_id(), reader=reader, what=str(selection), purpose=purpose
                )
            )
    return found, cursor is not None
