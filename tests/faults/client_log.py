"""The commands that clients sent and the responses; tests compare them with the event log."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4


@dataclass
class ClientCommand:
    """One command of a client, with all attempts to send it."""

    kind: str
    person: UUID
    connection_id: str | None = None
    """The id of the connection; None for a setup."""
    key: str = field(default_factory=lambda: str(uuid4()))
    response: Any = None
    is_acknowledged: bool = False
    statuses: list[int] = field(default_factory=list)
    """The status of each attempt: 0 without a response, -1 for a 503 without `Retry-After`."""

    @property
    def has_only_expected_statuses(self) -> bool:
        """Whether each attempt was executed, refused, or answered with 503 and `Retry-After`."""
        # A retried close finds no connection if the first attempt was executed without a response.
        not_found = {404} if self.kind == "close" and len(self.statuses) > 1 else set[int]()
        return (_EXPECTED_STATUSES | not_found).issuperset(self.statuses)


@dataclass
class ClientLog:
    """All commands that the clients of one load sent."""

    commands: list[ClientCommand] = field(default_factory=list)

    def begin(self, kind: str, person: UUID, connection_id: str | None = None) -> ClientCommand:
        command = ClientCommand(kind, person, connection_id)
        self.commands.append(command)
        return command

    def count(self, kind: str, person: UUID) -> int:
        """Count the commands of a kind that a person sent; retries do not count."""
        return sum((command.kind, command.person) == (kind, person) for command in self.commands)

    def acknowledged(self, kind: str) -> list[ClientCommand]:
        return [
            command for command in self.commands if command.kind == kind and command.is_acknowledged
        ]

    def unexpected(self) -> list[ClientCommand]:
        """The commands with a response that no injected fault can explain."""
        return [command for command in self.commands if not command.has_only_expected_statuses]

    def __str__(self) -> str:
        counts: dict[str, int] = {}
        for command in self.commands:
            outcome = "acknowledged" if command.is_acknowledged else "not acknowledged"
            counts[f"{command.kind} {outcome}"] = counts.get(f"{command.kind} {outcome}", 0) + 1
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


_EXPECTED_STATUSES = {0, 200, 201, 202, 204, 409, 503}
