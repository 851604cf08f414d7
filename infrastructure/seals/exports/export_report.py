"""What the check of an export returns: what it proves, what is wrong, and what it cannot prove."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

ProblemKind = Literal[
    "checkpoint wrong",
    "entry differs",
    "event missing",
    "file cut",
    "line malformed",
    "opening wrong",
    "order wrong",
    "payload differs",
    "proof wrong",
    "state changed",
]
MAX_PROBLEMS = 100


class ExportProblem(NamedTuple):
    """One thing that is wrong with an export."""

    kind: ProblemKind
    detail: str
    line: int | None = None
    """Number of the line in the file, from 1."""
    position: int | None = None
    """Position of the event in the log."""


@dataclass(slots=True)
class ExportReport:
    """The result of the check of one export."""

    connection_id: str = ""
    log: str = ""
    keys: Sequence[str] = ()
    key_from_file: bool = False
    """Whether the key is the one that the file itself names: it proves nothing about its author."""
    tree_size: int = 0
    cosigners: Sequence[str] = ()
    events: int = 0
    opened: int = 0
    """Events whose content is proven by an opening, or that are stored in plain text."""
    redacted: int = 0
    unproven_payloads: int = 0
    """Events whose payload nothing proves: recorded before openings, or unknown to this program."""
    not_sealed_yet: int = 0
    problems: list[ExportProblem] = field(default_factory=list)
    problem_count: int = 0

    def add(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        line: int | None = None,
        position: int | None = None,
    ) -> None:
        """Add a problem; more than MAX_PROBLEMS are only counted."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(ExportProblem(kind, detail, line, position))

    def limits(self) -> list[str]:
        """Return what the file cannot prove, in sentences."""
        size = f"The file ends with the checkpoint of {self.tree_size:,} events: it does not show"
        found = [
            f"{size} whether newer events exist. Compare it with a newer checkpoint of the log.",
        ]
        if self.key_from_file:
            found.insert(
                0,
                "The key is from the file itself, so anybody could have made the file: compare it"
                " with a key that you have from elsewhere, and give that one with --vkey.",
            )
        if self.not_sealed_yet:
            found.append(
                f"{self.not_sealed_yet:,} newer events were not sealed at the time of the export,"
                " and are not in it."
            )
        if self.unproven_payloads:
            found.append(
                f"The payloads of {self.unproven_payloads:,} events cannot be checked without the"
                " key of the person; that they were recorded, when and by whom is proven."
            )
        return found

    def to_document(self) -> dict[str, Any]:
        """Return the report as JSON shows it."""
        return {
            "result": "problems" if self.problem_count else "ok",
            "connection_id": self.connection_id,
            "log": self.log,
            "keys": list(self.keys),
            "key_from_file": self.key_from_file,
            "tree_size": self.tree_size,
            "cosigners": list(self.cosigners),
            "events": self.events,
            "opened": self.opened,
            "redacted": self.redacted,
            "unproven_payloads": self.unproven_payloads,
            "not_sealed_yet": self.not_sealed_yet,
            "problems": [problem._asdict() for problem in self.problems],
            "problem_count": self.problem_count,
            "limits": self.limits(),
        }
