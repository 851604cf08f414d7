"""Receipts in memory: Ada has a grade."""

from dataclasses import dataclass
from uuid import UUID

from infrastructure.seals.receipts.make_receipt import GradeUnknown, SealedGrade
from tests.dev_tokens import ADA
from tests.infrastructure.seals.receipts.made_receipts import make_receipt
from tests.interfaces.http.call_recorder import CallRecorder
from tests.interfaces.http.fake_reads import place_at

GRADE_CHANGE_ID = UUID("00000000-0000-4000-8000-06ad00c0c105")
RECEIPT = make_receipt()


@dataclass
class FakeReceipts(CallRecorder):
    """`receipt_refusal` is raised instead of a receipt."""

    receipt_refusal: Exception | None = None

    async def grade_receipt(self, person_id: UUID, change_id: UUID) -> SealedGrade:
        self.record_call("grade_receipt", person_id, change_id)
        if self.receipt_refusal:
            raise self.receipt_refusal
        if (person_id, change_id) != (ADA, GRADE_CHANGE_ID):
            raise GradeUnknown(change_id)
        return SealedGrade(RECEIPT, place_at(7))
