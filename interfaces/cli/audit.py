"""`easeboard audit history`: prints the recorded events of one connection."""

import getpass
from datetime import datetime, timedelta
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


def show_history(
    connection_id: UUID, *, as_of: datetime | None, version: int | None, json: bool
) -> None:
    """Print the events of a connection and its syncs: all, or up to a time or a version.

    Raises:
        ConnectionNotFound: If no such connection was ever opened.
        CommandFailed: If the connection never had this version.
    """
    events = run(_read_history(connection_id, as_of, version))
    if version is not None:
        events = _until_version(events, connection_id, version)
    if json:
        print_json({"items": events})
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
            for event in events
        ],
    )


async def _read_history(
    connection_id: UUID, as_of: datetime | None, version: int | None
) -> list[Document]:
    reader = f"cli:{getpass.getuser()}"
    what = f"history as_of={as_of.isoformat() if as_of else None} version={version}"
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            events = await _load_events(process.service, connection_id, as_of)
            await process.service.record_history_read(
                RecordHistoryRead(connection_id=connection_id, reader=reader, what=what)
            )
    return events


def _until_version(events: list[Document], connection_id: UUID, version: int) -> list[Document]:
    """Keep the events up to the one that gave the connection this version."""
    position_by_version = {
        event["version"]: event["position"]
        for event in events
        if event["stream"] == str(connection_id)
    }
    if version not in position_by_version:
        raise CommandFailed(
            f"The connection {connection_id} has no version {version}: "
            f"use --version with a number up to {max(position_by_version, default=0)}."
        )
    return [event for event in events if event["position"] <= position_by_version[version]]


async def _load_events(
    service: Service, connection_id: UUID, as_of: datetime | None
) -> list[Document]:
    events: list[Document] = []
    cursor: str | None = None
    while True:
        page = await service.history(
            connection_id,
            until=as_of + timedelta.resolution if as_of else None,
            cursor=cursor,
            limit=500,
        )
        events += [orjson.loads(item) for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return events


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
