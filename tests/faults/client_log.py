"""What was asked of the service, and what it said: the claims that the log is held against."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4


@dataclass
class Command:
    """One thing somebody wanted done, however often it took to ask for it."""

    kind: str
    person: UUID
    about: str | None = None
    """The connection, where there is one already."""
    key: str = field(default_factory=lambda: str(uuid4()))
    answer: Any = None
    is_acknowledged: bool = False
    statuses: list[int] = field(default_factory=list)
    """Of every attempt; 0 for one that got no answer, -1 for 503 without a time to come back."""

    @property
    def statuses_are_excused(self) -> bool:
        """Whether every answer was that it is done, refused, or to be asked again later."""
        # Whoever asks again for a closing that was heard after all finds nothing.
        gone = {404} if self.kind == "close" and len(self.statuses) > 1 else set[int]()
        return (_EXCUSED | gone).issuperset(self.statuses)


@dataclass
class Journal:
    """Every command of a load."""

    commands: list[Command] = field(default_factory=list)

    def begin(self, kind: str, person: UUID, about: str | None = None) -> Command:
        command = Command(kind, person, about)
        self.commands.append(command)
        return command

    def asked(self, kind: str, person: UUID) -> int:
        """How many different commands of a kind a person gave."""
        return sum((each.kind, each.person) == (kind, person) for each in self.commands)

    def acknowledged(self, kind: str) -> list[Command]:
        return [each for each in self.commands if each.kind == kind and each.is_acknowledged]

    def faults(self) -> list[Command]:
        """Commands that met an answer which no fault of a database or a process excuses."""
        return [each for each in self.commands if not each.statuses_are_excused]

    def __str__(self) -> str:
        counts: dict[str, int] = {}
        for each in self.commands:
            said = "acknowledged" if each.is_acknowledged else "not acknowledged"
            counts[f"{each.kind} {said}"] = counts.get(f"{each.kind} {said}", 0) + 1
        return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


_EXCUSED = {0, 200, 201, 202, 204, 409, 503}
