"""A log in memory with one signed checkpoint, and an event that is sealed unless a test says no."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from interfaces.queries.log_proofs import EventUnknown, FoundEvent, NotSealedYet
from interfaces.queries.proof_protocols import ProofMembers
from projections.support.page import Page
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_receipts import FakeReceipts

EVENT_ID = UUID("00000000-0000-4000-8000-00000000c0e1")
LIST_EVENT_ID = UUID("00000000-0000-4000-8000-00000000c0e2")
"""The id of an event that belongs to no connection."""
OWN_CONNECTION_ID = UUID("00000000-0000-4000-8000-00000000c0c1")
PROOF = b"c2sp.org/tlog-proof@v1\nextra ZW50cnk=\nindex 0\n\nlog\n1\nroot\n\n"
EXPORT_LINES = (b'{"line":"header"}\n', b'{"line":"event"}\n', b'{"line":"summary"}\n')


class FakeExport:
    """An export of three lines."""

    def __init__(self, *, is_sealed: bool) -> None:
        self._is_sealed = is_sealed

    async def count(self) -> int:
        """Return the number of events."""
        return 1

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the lines."""
        if not self._is_sealed:
            raise NotSealedYet
        for line in EXPORT_LINES:
            yield line


@dataclass
class FakeProofs(FakeReceipts):
    """The queries that prove the log."""

    is_sealed: bool = True

    async def signed_checkpoints(self, *, cursor: str | None = None, limit: int = 100) -> Page:
        self.record_call("signed_checkpoints", cursor=cursor, limit=limit)
        return Page([b'{"size":1}'], None)

    async def find_event(self, event_id: UUID) -> FoundEvent:
        self.record_call("find_event", event_id)
        if event_id not in {EVENT_ID, LIST_EVENT_ID}:
            raise EventUnknown(event_id)
        connection_id = OWN_CONNECTION_ID if event_id == EVENT_ID else None
        return FoundEvent(event_id, ADA, connection_id)

    async def proof_text(self, event_id: UUID) -> bytes:
        self.record_call("proof_text", event_id)
        if not self.is_sealed:
            raise NotSealedYet
        return PROOF

    async def log_keys(self) -> str:
        self.record_call("log_keys")
        if not self.is_sealed:
            raise NotSealedYet
        return "easeboard.example/log+00000000+AQ==\n"

    async def verify_log(self) -> dict[str, Any]:
        self.record_call("verify_log")
        return {"result": "ok"}

    async def export_history(self, connection_id: UUID) -> FakeExport:
        self.record_call("export_history", connection_id)
        return FakeExport(is_sealed=self.is_sealed)

    def proof_members(self) -> ProofMembers:
        return {
            "signed_checkpoints": self.signed_checkpoints,
            "find_event": self.find_event,
            "proof_text": self.proof_text,
            "log_keys": self.log_keys,
            "verify_log": self.verify_log,
            "export_history": self.export_history,
        }
