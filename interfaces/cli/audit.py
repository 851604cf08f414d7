"""`easeboard audit history`: what was recorded about one connection."""

import getpass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from application.event_metadata import acting
from interfaces.cli.errors import Failure
from interfaces.cli.output import print_json, print_table
from interfaces.cli.runtime import configured, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

Document = dict[str, Any]


def show_history(
    connection_id: UUID, *, as_of: datetime | None, version: int | None, json: bool
) -> None:
    """Print the events of a connection and its syncs, all or up to a time or version."""
    events = run(_read(connection_id, as_of, version))
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
                summary(event["payload"]),
            )
            for event in events
        ],
    )


async def _read(connection_id: UUID, as_of: datetime | None, version: int | None) -> list[Document]:
    reader = f"cli:{getpass.getuser()}"
    what = f"history as_of={as_of.isoformat() if as_of else None} version={version}"
    async with bootstrap(configured()) as running:
        with acting(reader):
            events = await _events(running.service, connection_id, as_of)
            await running.service.record_reading(connection_id, reader, what)
    return events


def _until_version(events: list[Document], connection_id: UUID, version: int) -> list[Document]:
    """Everything up to the moment the connection reached a version; raises Failure."""
    for event in events:
        if event["stream"] == str(connection_id) and event["version"] == version:
            return [each for each in events if each["position"] <= event["position"]]
    raise Failure(f"The connection {connection_id} never had a version {version}.")


async def _events(service: Service, connection_id: UUID, as_of: datetime | None) -> list[Document]:
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


def summary(payload: Document) -> str:
    """An event's facts on one line: plain values as they are, the rest in short."""
    if payload.get("redacted") is True:
        return "(erased)"
    facts = (f"{name}={_brief(value)}" for name, value in payload.items() if value is not None)
    return " ".join(facts)


def score_text(score: Document | None) -> str | None:
    """A score, and the grade where it says more than the score."""
    if score is None:
        return None
    points, grade = score["score"], score["grade"]
    written = None if points is None else f"{points:g}"
    return " ".join(each for each in (written, grade) if each) if grade != written else written


def _brief(value: Any) -> str:
    match value:
        case {"score": _, "grade": _, **rest} if not rest:
            return score_text(value) or "none"
        case {"name": str(name)}:
            return name
        case dict():
            return ",".join(f"{name}:{inner}" for name, inner in value.items() if inner)
        case list():
            return str(len(value))
        case _:
            return str(value)
