"""Requests with a key, and what tests do with the rows of their claims."""

from domain.log_position import LogPosition
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.idempotency_keys import Claim, EarlierClaim, IdempotencyKeys, StoredResponse
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from tests.dev_tokens import ADA

OLD, NEW = "hex:" + "0123456789abcdef" * 4, "hex:" + "fedcba9876543210" * 4
SECRET = b'{"api_token": "7~s3cr3t"}'
REQUEST = KeyedRequest(ADA, "/api/v1/canvas/setup", "key-1", SECRET)
RESPONSE = StoredResponse(
    201,
    {"content-type": "application/json", "location": "/x"},
    b'{"a":1,"url":"s3cr3t-address"}\n\xc3\xa9',
    LogPosition(7, 42),
)
OWN, OTHER = "one:1:1", "two:2:2"
"""The names of two processes."""


async def claim_key(idempotency_keys: IdempotencyKeys, request: KeyedRequest = REQUEST) -> Claim:
    claim = await idempotency_keys.claim(request)
    assert isinstance(claim, Claim)
    return claim


async def find_earlier_claim(idempotency_keys: IdempotencyKeys) -> EarlierClaim:
    earlier = await idempotency_keys.claim(REQUEST)
    assert isinstance(earlier, EarlierClaim)
    return earlier


async def take_over(idempotency_keys: IdempotencyKeys) -> Claim:
    return await idempotency_keys.take_over(await find_earlier_claim(idempotency_keys))


def age_rows(pool: WritePool, hours: float) -> None:
    execute(
        pool,
        "UPDATE easeboard.idempotency_keys SET created_at = created_at - %s * interval '1 hour'",
        [hours],
    )


def end_leases(pool: WritePool) -> None:
    execute(pool, "UPDATE easeboard.idempotency_keys SET leased_until = clock_timestamp()")


def count_rows(pool: WritePool) -> int:
    [(rows,)] = execute(pool, "SELECT count(*) FROM easeboard.idempotency_keys")
    return int(rows)
