"""The command by which an administrator retries or skips a dead letter of a read model."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from application.ports import Store
from domain.dead_letter_record import DeadLetterRecord


class LetterNotFound(Exception):
    """The read model has no dead letter with this id."""

    def __init__(self, projection: str, letter_id: UUID) -> None:
        super().__init__(
            f"The read model {projection} has no dead letter {letter_id}; easeboard projections"
            " dead-letters lists those that there are."
        )


class Letter(NamedTuple):
    """An event that a read model has set aside, and why."""

    id: UUID
    person_id: UUID
    topic: str
    error: str


class LetterOutcome(NamedTuple):
    """What became of a letter: `applied`, `skipped`, or `kept` with the error of the last try."""

    id: UUID
    projection: str
    result: Literal["applied", "skipped", "kept"]
    error: str | None


class DeadLetters(Protocol):
    """The dead letters of the read models."""

    async def find(self, projection: str, letter_id: UUID) -> Letter:
        """Return a letter of the live version; raises LetterNotFound if there is none."""

    async def retry(self, projection: str, letter_id: UUID) -> LetterOutcome:
        """Apply the events of the letter's person again; raises LetterNotFound."""

    async def skip(self, projection: str, letter_id: UUID) -> LetterOutcome:
        """Leave the event out for good, and apply what waits for it; raises LetterNotFound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDeadLetter:
    """An administrator retries or skips a dead letter; its id is that of the event."""

    projection: str
    letter_id: UUID
    action: Literal["retry", "skip"]


async def settle_dead_letter(
    command: SettleDeadLetter, *, store: Store, letters: DeadLetters
) -> LetterOutcome:
    """Record who retries or skips which letter, then do it.

    If the process ends in between, the letter is as it was, and the command can be repeated.

    Raises: LetterNotFound if there is no such letter.
    """
    letter = await letters.find(command.projection, command.letter_id)

    def decide(record: DeadLetterRecord) -> None:
        add = record.retry if command.action == "retry" else record.skip
        add(
            projection=command.projection,
            letter_id=letter.id,
            person_id=letter.person_id,
            topic=letter.topic,
            reason=letter.error,
        )

    stream = DeadLetterRecord.id_for(command.projection)
    await store.record(DeadLetterRecord, stream, decide)
    settle = letters.retry if command.action == "retry" else letters.skip
    return await settle(command.projection, command.letter_id)
