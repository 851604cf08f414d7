"""Idempotency keys in memory."""

from dataclasses import dataclass, field

from infrastructure.idempotency_keys import Claim, KeyedRequest, StoredResponse
from tests.dev_tokens import ADA

CLAIM_ID = ADA


@dataclass
class InMemoryIdempotencyKeys:
    """Claims are always granted until a response is stored."""

    claimed_requests: list[KeyedRequest] = field(default_factory=list)
    stored: dict[tuple[str, str], StoredResponse] = field(default_factory=dict)
    released: list[Claim] = field(default_factory=list)
    error: Exception | None = None
    """Raised by `store` and `release` if set."""

    async def claim(self, request: KeyedRequest) -> Claim | StoredResponse:
        self.claimed_requests.append(request)
        stored = self.stored.get((request.path, request.key))
        return stored or Claim(ADA, request.request_digest, CLAIM_ID)

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        if self.error:
            raise self.error
        request = self.claimed_requests[-1]
        assert claim.request_digest == request.request_digest
        self.stored[request.path, request.key] = response

    async def release(self, claim: Claim) -> None:
        if self.error:
            raise self.error
        self.released.append(claim)
