"""The query for the receipt of one grade."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.policy_file import PolicyMalformed, parse_policy
from infrastructure.seals.receipts.make_receipt import SealedGrade, make_receipt
from infrastructure.seals.signatures import VerifierKey

logger = structlog.get_logger()


class GetGradeReceipt(Protocol):
    """interfaces.queries.grade_receipts.GradeReceipts.grade_receipt."""

    async def __call__(self, person_id: UUID, change_id: UUID) -> SealedGrade:
        """Return the receipt of a grade of a person; `change_id` is the id of its event.

        Raises: GradeUnknown, GradeNotCommitted, GradeNotSealed, PersonIsErased.
        """


@dataclass(frozen=True, slots=True)
class GradeReceipts:
    """Makes receipts; `witness_policy` is the file that names the witnesses of the log."""

    pool: ReadPool
    mapper: Mapper
    store: EventStore
    witness_policy: Path | None

    async def grade_receipt(self, person_id: UUID, change_id: UUID) -> SealedGrade:
        """Return the receipt of a grade of a person; see GetGradeReceipt."""
        return await make_receipt(
            person_id,
            change_id,
            pool=self.pool,
            mapper=self.mapper,
            store=self.store,
            witness_keys=await asyncio.to_thread(self._witness_keys),
        )

    def _witness_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys of the witnesses; none if the file cannot be used: receipts lack them."""
        if self.witness_policy is None:
            return ()
        try:
            return parse_policy(self.witness_policy.read_bytes()).witness_keys
        except (OSError, PolicyMalformed) as error:
            logger.warning("witness_policy_unreadable", reason=str(error))
            return ()
