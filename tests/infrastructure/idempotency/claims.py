"""Requests with a key, and what tests do with the rows of their claims."""

import hmac
from hashlib import sha256
from uuid import uuid4

from psycopg.types.json import Jsonb

from domain.log_position import LogPosition
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.crypto.master_key import parse_key_ring
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


def insert_row_of_earlier_release(pool: WritePool, response: StoredResponse | None) -> None:
    """Insert the row of REQUEST as the release before writes it, with a master key."""
    master_key = parse_key_ring(OLD).newest
    digest = sha256(f"{REQUEST.path}\0{REQUEST.key}".encode()).digest()
    place = ADA.bytes + digest
    fingerprint = hmac.digest(
        master_key.derive("easeboard/idempotency/v1"), place + REQUEST.content, "sha256"
    )
    columns = [ADA, digest, master_key.id, fingerprint, uuid4()]
    stored: list[object] = [None] * 5
    if response:
        nonce = bytes(range(12))
        cipher = master_key.cipher("easeboard/idempotency-body/v1")
        body = nonce + cipher.encrypt(nonce, response.body, place)
        stored = [response.status, Jsonb(response.headers), body, 42, master_key.id]
    execute(
        pool,
        "INSERT INTO easeboard.idempotency_keys"
        " (person_id, request, key_id, fingerprint, claim, leased_until,"
        "  status, headers, body, position, body_key_id)"
        " VALUES (%s, %s, %s, %s, %s, clock_timestamp() + interval '60 s', %s, %s, %s, %s, %s)",
        [*columns, *stored],
    )
