"""`easeboard audit history`: prints the recorded events of one connection."""

import getpass
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_table
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

Document = dict[str, Any]

LAST_TIME = datetime.max.replace(tzinfo=UTC) - timedelta.resolution
"""The last time after which there is another one."""


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
        names = (f"{name}={_option(value)}" for name, value, default in given if value != default)
        return " ".join(["history", *names])

    def parameters(self) -> Document:
        """Return the parameters of the query, all except the version and the limit."""
        end = self.as_of and min(self.as_of, LAST_TIME) + timedelta.resolution
        return {
            "types": frozenset(self.types),
            "since": self.since,
            "until": min((time for time in (end, self.until) if time), default=None),
            "after_position": self.after_position,
            "sort": self.sort,
        }


def show_history(connection_id: UUID, selection: EventSelection, *, json: bool) -> None:
    """Print the events of a connection and its syncs that are selected, in the order of the log.

    Raises:
        ConnectionNotFound: If no such connection was ever opened.
        CommandFailed: If the connection never had the version.
    """
    found = run(_read_history(connection_id, selection))
    if json:
        print_json({"items": found})
        return
    print_table(
        ["position", "recorded at", "version", "event", "actor", "details"],
        [
            (
                str(event["position"]),
                event["recorded_at"][:19],
                event["version"],
                event["type"],
                event["actor"],
                summarize(event["payload"]),
            )
            for event in found
        ],
    )


async def _read_history(connection_id: UUID, selection: EventSelection) -> list[Document]:
    reader = f"cli:{getpass.getuser()}"
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            found = await _select_events(process.service, connection_id, selection)
            await process.service.record_history_read(
                RecordHistoryRead(connection_id=connection_id, reader=reader, what=str(selection))
            )
    return found


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


def _option(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def summarize(payload: Document) -> str:
    """Format the payload of an event in one line, and shorten nested objects and lists."""
    if payload.get("redacted") is True:
        return "(redacted)"
    fields = (
        f"{name}={_format_value(value)}" for name, value in payload.items() if value is not None
    )
    return " ".join(fields)


def format_score(score: Document | None) -> str | None:
    """Format a score in points, followed by the grade if that differs, such as `8.5 B+`."""
    if score is None:
        return None
    points, grade = score["score"], score["grade"]
    points_text = None if points is None else f"{points:g}"
    return (
        " ".join(part for part in (points_text, grade) if part)
        if grade != points_text
        else points_text
    )


def _format_value(value: Any) -> str:
    match value:
        case {"score": _, "grade": _, **rest} if not rest:
            return format_score(value) or "none"
        case {"name": str(name)}:
            return name
        case dict():
            return ",".join(f"{name}:{inner}" for name, inner in value.items() if inner)
        case list():
            return str(len(value))
        case _:
            return str(value)
