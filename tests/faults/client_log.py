"""What was asked of the service, and what it said: the claims that the log is held against."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4


@dataclass
class ClientCommand:
    """One thing somebody wanted done, however often it took to ask for it."""

    kind: str
    person: UUID
    connection_id: str | None = None
    """The connection, where there is one already."""
    key: str = field(default_factory=lambda: str(uuid4()))
    response: Any = None
    is_acknowledged: bool = False
    statuses: list[int] = field(default_factory=list)
    """Of every attempt; 0 for one that got no answer, -1 for 503 without a time to come back."""

    @property
    def has_only_expected_statuses(self) -> bool:
        """Whether every answer was that it is done, refused, or to be asked again later."""
        # Whoever asks again for a closing that was heard after all finds nothing.
        not_found = {404} if self.kind == "close" and len(self.statuses) > 1 else set[int]()
        return (_EXPECTED_STATUSES | not_found).issuperset(self.statuses)


@dataclass
class ClientLog:
    """Every command of a load."""

    commands: list[ClientCommand] = field(default_factory=list)

    def begin(self, kind: str, person: UUID, connection_id: str | None = None) -> ClientCommand:
        command = ClientCommand(kind, person, connection_id)
        self.commands.append(command)
        return command

    def count(self, kind: str, person: UUID) -> int:
        """How many different commands of a kind a person gave."""
        return sum((command.kind, command.person) == (kind, person) for command in self.commands)

    def acknowledged(self, kind: str) -> list[ClientCommand]:
        return [
            command for command in self.commands if command.kind == kind and command.is_acknowledged
        ]

    def unexpected(self) -> list[ClientCommand]:
        """Commands that met an answer which no fault of a database or a process excuses."""
        return [command for command in self.commands if not command.has_only_expected_statuses]

    def __str__(self) -> str:
        counts: dict[str, int] = {}
        for command in self.commands:
            outcome = "acknowledged" if command.is_acknowledged else "not acknowledged"
            counts[f"{command.kind} {outcome}"] = counts.get(f"{command.kind} {outcome}", 0) + 1
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


_EXPECTED_STATUSES = {0, 200, 201, 202, 204, 409, 503}
