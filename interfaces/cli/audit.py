"""`easeboard audit history`: prints the recorded events of one connection."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from interfaces.access_description import describe_access
from interfaces.cli.errors import CommandFailed
from interfaces.cli.history_lines import event_lines
from interfaces.cli.output import print_json, print_wrapped
from interfaces.cli.purpose import cli_reader
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSelection:
    """Which events of a connection to print: the options of the command."""

    as_of: datetime | None = None
    version: int | None = None
    types: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    after_position: int = 0
    sort: str = "position"
    limit: int | None = None

    def __str__(self) -> str:
        """Return what is recorded about the read: the options that were given."""
        given = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return describe_access(
            "history", {name: value for name, value, default in given if value != default}
        )

    def parameters(self) -> Document:
        """Return the parameters of the query, all except the version and the limit."""
        end = self.as_of and self.as_of + timedelta.resolution
        return {
            "types": frozenset(self.types),
            "since": self.since,
            "until": min((time for time in (end, self.until) if time), default=None),
            "after_position": self.after_position,
            "sort": self.sort,
        }


def show_history(
    connection_id: UUID, selection: EventSelection, *, purpose: str, json: bool, all_events: bool
) -> None:
    """Print the events of a connection and its syncs that are selected, in the order of the log.

    One sentence for each event; those of the first reading are one, except with `all_events` or
    `json`. The reading is recorded before.

    Raises:
        ConnectionNotFound: If no such connection was ever opened.
        CommandFailed: If the connection never had the version.
    """
    found = run(_read_history(connection_id, selection, purpose))
    if json:
        print_json({"items": found})
        return
    for line in event_lines(found, fold=not all_events):
        print_wrapped(line.sentence, f"{line.head}  ", hanging=" " * (len(line.head) + 2))


async def _read_history(
    connection_id: UUID, selection: EventSelection, purpose: str
) -> list[Document]:
    reader = cli_reader()
    command = RecordHistoryRead(
        connection_id=connection_id, reader=reader, what=str(selection), purpose=purpose
    )
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            try:
                return await _select_events(process.service, connection_id, selection)
            finally:
                # Also that a connection has no such version is information about it.
                await process.service.record_history_read(command)


async def _select_events(
    service: Service, connection_id: UUID, selection: EventSelection
) -> list[Document]:
    last_position = None
    if selection.version is not None:
        last_position = await _position_of_version(service, connection_id, selection.version)
    found: list[Document] = []
    async for event in _events(service, connection_id, **selection.parameters()):
        if last_position is None or event["position"] <= last_position:
            found.append(event)
        if len(found) == selection.limit:
            break
    return found


async def _position_of_version(service: Service, connection_id: UUID, version: int) -> int:
    """Return the position of the event that gave the connection this version."""
    newest = 0
    async for event in _events(service, connection_id):
        if event["stream"] == "connection":
            newest = event["version"]
            if newest == version:
                return int(event["position"])
    raise CommandFailed(
        f"The connection {connection_id} has no version {version}: "
        f"use --version with a number up to {newest}."
    )


async def _events(
    service: Service, connection_id: UUID, **parameters: Any
) -> AsyncIterator[Document]:
    """Yield the events of all pages."""
    cursor: str | None = None
    while True:
        page, _ = await service.history(connection_id, cursor=cursor, limit=500, **parameters)
        for item in page.items:
            yield orjson.loads(item)
        cursor = page.next_cursor
        if cursor is None:
            return
