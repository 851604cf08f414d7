"""Reads in memory: their place in the log, its time, and how they wait for another one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict, TypeVar

from psycopg import sql

from domain.log_position import LogPosition
from infrastructure.event_store.timelines import UnknownPlace
from infrastructure.projection_engine.snapshot_reads import Reading, ReadModelQuery
from interfaces.consistency_token import encode_consistency_token
from interfaces.service_protocols import (
    FindAppendTime,
    ReadInOneSnapshot,
    RequireKnownPlace,
    WaitForPlace,
)
from projections.support.query import Query
from tests.interfaces.http.call_recorder import CallRecorder

R = TypeVar("R")

TIMELINE = 7001
HEAD = 10**9


def place_at(position: int) -> LogPosition:
    """Return a place in the log of the fake service."""
    return LogPosition(TIMELINE, position)


def token_at(position: int) -> str:
    """Return the consistency token of a place in the log of the fake service."""
    return encode_consistency_token(place_at(position))


def query_of(model: str, result: R) -> Query[R]:
    """Return a query that has this result."""
    return Query(model, sql.SQL(""), {}, lambda _: result)


class ReadMembers(TypedDict):
    """The members of Service about how queries are executed, and about places in the log."""

    append_time: FindAppendTime
    read: ReadInOneSnapshot
    require_known_place: RequireKnownPlace
    wait_for_place: WaitForPlace


@dataclass
class FakeReads(CallRecorder):
    """The read models are at `projected_position` of a log with the head HEAD."""

    projected_position: int = HEAD
    """The position up to which the read models have applied the log."""
    catches_up: bool = True
    """Whether the read models reach a position while a read waits for it."""
    torn_reads: int = 0
    """How many of the next reads are not of one moment."""
    reads: list[tuple[str, ...]] = field(default_factory=list)
    """The read models of each read."""
    waits: list[tuple[int, tuple[str, ...], float]] = field(default_factory=list)
    checked_places: list[LogPosition] = field(default_factory=list)
    timeline: int = TIMELINE
    """The newest timeline of the log."""
    known_timelines: set[int] = field(default_factory=lambda: {TIMELINE})
    appended_at: datetime | None = None
    """When the events of each append were recorded."""
    timeline_after_wait: int | None = None
    """If set, the log is restored during the next wait, and this timeline begins."""

    async def read(self, *queries: ReadModelQuery) -> Reading:
        self.reads.append(tuple(query.model for query in queries))
        self.torn_reads -= 1
        is_torn = self.torn_reads >= 0
        place = None if is_torn else LogPosition(self.timeline, self.projected_position)
        results = tuple(query.build(()) for query in queries)
        return Reading(results, place)

    async def append_time(self, place: LogPosition) -> datetime | None:
        return self.appended_at if place.position <= HEAD else None

    async def require_known_place(self, place: LogPosition) -> None:
        self.checked_places.append(place)
        if place.timeline not in self.known_timelines or place.position > HEAD:
            raise UnknownPlace

    async def wait_for_place(
        self, position: int, names: Iterable[str], timeout_seconds: float, /
    ) -> bool:
        self.waits.append((position, tuple(names), timeout_seconds))
        if self.catches_up:
            self.projected_position = max(self.projected_position, position)
        if self.timeline_after_wait:
            self.timeline, self.timeline_after_wait = self.timeline_after_wait, None
            self.known_timelines = {self.timeline}
        return self.catches_up

    def read_members(self) -> ReadMembers:
        """Return the members of Service that ReadMembers names."""
        return {
            "append_time": self.append_time,
            "read": self.read,
            "require_known_place": self.require_known_place,
            "wait_for_place": self.wait_for_place,
        }
