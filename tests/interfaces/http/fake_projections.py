"""Read models in memory, as admins see them, with one dead letter that can be settled."""

from typing import Any
from uuid import UUID

from application.settle_dead_letter import LetterNotFound, LetterOutcome, SettleDeadLetter
from interfaces.service_protocols import Document
from tests.interfaces.http.call_recorder import CallRecorder

PROJECTION_NAMES = ("connections", "courses")
LETTER_ID = UUID("00000000-0000-4000-8000-de4d00c0c105")


class FakeProjections(CallRecorder):
    """Two read models; what an admin does with them is only recorded."""

    def members_for_admins(self) -> dict[str, Any]:
        """Return these members of Service."""
        return {
            "projection_status": self.projection_status,
            "dead_letters_of": self.dead_letters_of,
            "rebuild_projection": self.rebuild_projection,
            "verify_projection": self.verify_projection,
            "roll_back_projection": self.roll_back_projection,
            "pause_projection": self.pause_projection,
            "resume_projection": self.resume_projection,
            "settle_dead_letter": self.settle_dead_letter,
        }

    async def projection_status(self) -> list[Document]:
        self.record_call("projection_status")
        return [{"name": name} for name in PROJECTION_NAMES]

    async def dead_letters_of(self, name: str | None) -> list[Document]:
        self.record_call("dead_letters_of", name)
        return [{"position": position, "projection": name} for position in (3, 5)]

    async def rebuild_projection(self, name: str) -> None:
        self.record_call("rebuild_projection", name)

    async def verify_projection(self, name: str) -> None:
        self.record_call("verify_projection", name)

    async def roll_back_projection(self, name: str) -> None:
        self.record_call("roll_back_projection", name)

    async def pause_projection(self, name: str) -> None:
        self.record_call("pause_projection", name)

    async def resume_projection(self, name: str) -> None:
        self.record_call("resume_projection", name)

    async def settle_dead_letter(self, command: SettleDeadLetter) -> LetterOutcome:
        self.record_call("settle_dead_letter", command)
        if command.letter_id != LETTER_ID:
            raise LetterNotFound(command.projection, command.letter_id)
        if command.action == "retry":
            return LetterOutcome(LETTER_ID, command.projection, "applied", None)
        return LetterOutcome(LETTER_ID, command.projection, "skipped", None)
