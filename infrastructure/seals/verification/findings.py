"""What a verification of the log returns: what was checked, and each difference with its place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from infrastructure.seals.signed_checkpoint import encode_hash

FindingKind = Literal[
    "state changed",
    "actor changed",
    "time changed",
    "row changed",
    "row moved",
    "row missing",
    "row inserted",
    "rows swapped",
    "people exchanged",
    "states exchanged",
    "tile rewritten",
    "tile missing",
    "entries rewritten",
    "checkpoint rewritten",
    "checkpoint missing",
    "history replaced",
    "history cut",
    "key unknown",
    "versions not contiguous",
]
Result = Literal["ok", "problems", "nothing sealed"]

MAX_FINDINGS = 100
"""How many differences a report describes; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between the log and what was sealed."""

    kind: FindingKind
    detail: str
    """What differs and where, for people."""
    position: int | None = None
    """Position of the row in the log, as it is now or, of a missing row, as it was."""
    index: int | None = None
    """Index of the event in the tree; None for a row that is not in it."""
    fields: tuple[str, ...] = ()
    """Columns of the row that differ; empty if only the hash of the sealed row is known."""
    size: int | None = None
    """Size of the tree of the checkpoint that differs."""
    event_id: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the finding as JSON shows it; what does not apply is null."""
        return {
            "kind": self.kind,
            "detail": self.detail,
            "position": self.position,
            "index": self.index,
            "fields": list(self.fields),
            "size": self.size,
            "event_id": self.event_id,
        }


@dataclass(slots=True)
class Findings:
    """Differences as they are found: MAX_FINDINGS of them, and the number of all."""

    items: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, *findings: Finding) -> None:
        """Add differences."""
        self.total += len(findings)
        self.items.extend(findings[: max(0, MAX_FINDINGS - len(self.items))])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add differences one by one."""
        for finding in findings:
            self.add(finding)

    @property
    def is_full(self) -> bool:
        """Whether no more differences are described."""
        return len(self.items) >= MAX_FINDINGS


@dataclass(frozen=True, slots=True)
class TreeState:
    """A tree of the log: its size and root, and the position of its last event."""

    size: int
    last_position: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of one verification of the log."""

    result: Result
    log: str | None
    """The origin of the log; None if nothing is sealed."""
    keys: tuple[str, ...]
    """The vkeys with which signatures were checked."""
    start: TreeState
    """The tree that was known to be right before; its rows were not read again."""
    end: TreeState
    """The newest checkpoint up to which rows were read."""
    events: int
    unsealed_events: int
    """Rows after the newest checkpoint; nothing proves them yet."""
    checkpoints: int
    compared_with: tuple[str, ...]
    """What the rows were compared with."""
    findings: tuple[Finding, ...]
    finding_count: int
    checked_at: datetime
    seconds: float
    is_complete: bool = True
    """Whether the rows were read up to the newest checkpoint."""

    def to_document(self) -> dict[str, Any]:
        """Return the report as JSON shows it."""
        return {
            "result": self.result,
            "log": self.log,
            "keys": list(self.keys),
            "from_size": self.start.size,
            "to_size": self.end.size,
            "last_position": self.end.last_position,
            "root": encode_hash(self.end.root),
            "complete": self.is_complete,
            "events": self.events,
            "unsealed_events": self.unsealed_events,
            "checkpoints": self.checkpoints,
            "compared_with": list(self.compared_with),
            "problems": [finding.to_document() for finding in self.findings],
            "problem_count": self.finding_count,
            "checked_at": self.checked_at,
            "seconds": round(self.seconds, 3),
        }
