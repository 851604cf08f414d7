"""`easeboard audit history`: what was recorded about one connection."""

import getpass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from application.event_metadata import with_event_metadata
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_table
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

Document = dict[str, Any]


def show_history(
    connection_id: UUID, *, as_of: datetime | None, version: int | None, json: bool
) -> None:
    """Print the events of a connection and its syncs, all or up to a time or version."""
    events = run(_read_history(connection_id, as_of, version))
    if version is not None:
        events = _until_version(events, connection_id, version)
    if json:
        print_json({"items": events})
        return
    print_table(
        ["position", "recorded at", "version", "event", "actor", "what"],
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
    description = f"history as_of={as_of.isoformat() if as_of else None} version={version}"
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            events = await _load_events(process.service, connection_id, as_of)
            await process.service.record_history_read(connection_id, reader, description)
    return events


def _until_version(events: list[Document], connection_id: UUID, version: int) -> list[Document]:
    """Everything up to the moment the connection reached a version; raises CommandFailed."""
    for event in events:
        if event["stream"] == str(connection_id) and event["version"] == version:
            return [earlier for earlier in events if earlier["position"] <= event["position"]]
    raise CommandFailed(f"The connection {connection_id} never had a version {version}.")


async def _load_events(
    service: Service, connection_id: UUID, as_of: datetime | None
) -> list[Document]:
    events: list[Document] = []
    cursor: str | None = None
    while True:
        page = await service.history(
            connection_id,
            types=frozenset(),
            since=None,
            until=as_of + timedelta.resolution if as_of else None,
            after_version=None,
            cursor=cursor,
            limit=500,
        )
        events += [orjson.loads(item) for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return events


def summarize(payload: Document) -> str:
    """An event's facts on one line: plain values as they are, the rest in short."""
    if payload.get("redacted") is True:
        return "(erased)"
    fields = (
        f"{name}={_format_value(value)}" for name, value in payload.items() if value is not None
    )
    return " ".join(fields)


def format_score(score: Document | None) -> str | None:
    """A score, and the grade where it says more than the score."""
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
