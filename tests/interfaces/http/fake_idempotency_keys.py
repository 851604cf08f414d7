"""Idempotency keys in memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.event_store.command_events import CommandEvents
from infrastructure.idempotency_keys import Claim, EarlierClaim, KeyInUse, StoredResponse
from tests.dev_tokens import ADA

CLAIM_ID = ADA
FIRST_USE = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass
class InMemoryIdempotencyKeys:
    """Claims are always granted until a response is stored, or `earlier_process` is set."""

    claimed_requests: list[KeyedRequest] = field(default_factory=list)
    stored: dict[tuple[str, str], StoredResponse] = field(default_factory=dict)
    released: list[Claim] = field(default_factory=list)
    abandoned: list[Claim] = field(default_factory=list)
    error: Exception | None = None
    """Raised by `store`, `release` and `abandon` if set."""
    claim_error: Exception | None = None
    """Raised by `claim` if set."""
    earlier_process: str | None = None
    """`dead` or `alive` if a process has a claim without a response."""
    log: list[CommandEvents] = field(default_factory=list)
    """What is found in the log, once each; nothing after that."""
    lookups: list[tuple[UUID, UUID, datetime]] = field(default_factory=list)

    async def claim(self, request: KeyedRequest) -> Claim | EarlierClaim | StoredResponse:
        self.claimed_requests.append(request)
        if self.claim_error:
            raise self.claim_error
        claim = Claim(ADA, request.name, CLAIM_ID, FIRST_USE)
        if stored := self.stored.get((request.path, request.key)):
            return stored
        if self.earlier_process:
            return EarlierClaim(claim, self.earlier_process, is_leased=True)
        return claim

    async def take_over(self, earlier: EarlierClaim) -> Claim:
        if earlier.process == "alive":
            raise KeyInUse
        return earlier.claim

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        self._raise_error()
        request = self.claimed_requests[-1]
        assert claim.request_digest == request.name
        self.stored[request.path, request.key] = response

    async def release(self, claim: Claim) -> None:
        self._raise_error()
        self.released.append(claim)

    async def abandon(self, claim: Claim) -> None:
        self._raise_error()
        self.abandoned.append(claim)

    async def command_events(
        self, person_id: UUID, command_id: UUID, since: datetime
    ) -> CommandEvents:
        self.lookups.append((person_id, command_id, since))
        return self.log.pop(0) if self.log else CommandEvents()

    def _raise_error(self) -> None:
        if self.error:
            raise self.error
