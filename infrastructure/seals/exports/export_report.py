"""What the check of an export returns: what it proves, what is wrong, and what it cannot prove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

ProblemKind = Literal[
    "checkpoint wrong",
    "content hidden",
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
Content = Literal["opened", "redacted", "unreadable", "unproven"]
"""How the payload of a proven event is shown."""
MAX_PROBLEMS = 100
INCOMPLETE = (
    "It does not show whether it is complete: the last events of each stream, and all events of"
    " sync and of readings, can be missing. Compare the last versions with the history that the"
    " service shows."
)


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
    """Encrypted events that are shown as those of an erased person."""
    unreadable: int = 0
    """Events that are shown as unreadable for the service that made the file."""
    unproven_payloads: int = 0
    """Events whose payload nothing proves: recorded before openings, or unknown to this program."""
    versions: dict[str, int] = field(default_factory=dict)
    """The last version of each stream in the file; 0 if it has no event of the stream."""
    not_sealed_yet: int = 0
    """Newer events, by the summary of the file; nothing proves their number."""
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

    def count(self, content: Content) -> None:
        """Count a proven event."""
        self.opened += content == "opened"
        self.redacted += content == "redacted"
        self.unreadable += content == "unreadable"
        self.unproven_payloads += content == "unproven"

    def limits(self) -> list[str]:
        """Return what the file cannot prove, in sentences."""
        size = f"The file ends with the checkpoint of {self.tree_size:,} events: it does not show"
        found = [
            f"{size} whether newer events exist. Compare it with a newer checkpoint of the log.",
            INCOMPLETE,
        ]
        if self.key_from_file:
            found.insert(
                0,
                "The key is from the file itself, so anybody could have made the file: compare it"
                " with a key that you have from elsewhere, and give that one with --vkey.",
            )
        if self.not_sealed_yet:
            found.append(
                f"By its summary, {self.not_sealed_yet:,} newer events were not sealed at the time"
                " of the export, and are not in it."
            )
        if self.redacted:
            found.append(
                f"Shown as erased: {self.redacted:,}. Nothing in the file proves that the person"
                " was erased: the content can have been taken out of it."
            )
        if self.unreadable:
            found.append(
                f"Shown as unreadable: {self.unreadable:,}. Nothing in the file proves that the"
                " service could not read them, nor the text that is in place of their content."
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
            "unreadable": self.unreadable,
            "unproven_payloads": self.unproven_payloads,
            "versions": self.versions,
            "not_sealed_yet": self.not_sealed_yet,
            "problems": [problem._asdict() for problem in self.problems],
            "problem_count": self.problem_count,
            "limits": self.limits(),
        }


def last_versions(versions: Mapping[str, int]) -> str:
    """Return the last version of each stream in words."""
    words = (f"{name} {version}" if version else f"no {name}" for name, version in versions.items())
    return ", ".join(words) or "none"
