"""The signatures of the members of `interfaces/service.py` that prove the log."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol, TypedDict
from uuid import UUID

from interfaces.queries.log_proofs import FoundEvent
from projections.support.page import Page


class ListSignedCheckpoints(Protocol):
    """interfaces.queries.log_proofs.LogProofs.signed_checkpoints."""

    async def __call__(self, *, cursor: str | None = None, limit: int = 100) -> Page:
        """Return a page of signed checkpoints, the newest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ExportLines(Protocol):
    """interfaces.queries.history_export.HistoryExport: an export that was not read yet."""

    async def count(self) -> int:
        """Return the number of events that it has, if all of them are sealed."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield lines, many at once; the header comes alone.

        Raises: NotSealedYet before the header; EventChanged, TilesMissing.
        """


class ProofMembers(TypedDict):
    """The members of Service that prove the log."""

    signed_checkpoints: ListSignedCheckpoints
    find_event: Callable[[UUID], Awaitable[FoundEvent]]
    proof_text: Callable[[UUID], Awaitable[bytes]]
    log_keys: Callable[[], Awaitable[str]]
    verify_log: Callable[[], Awaitable[dict[str, Any]]]
    export_history: Callable[[UUID], Awaitable[ExportLines]]
