"""Answers given once: a claim on a key while a request is worked on, then the answer for a day."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, ask
from infrastructure.postgres.threads import Threads

PURPOSE = "easeboard/idempotency/v1"
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""After it a claim is nobody's: longer than any request takes, so only a dead process's is lost."""
SWEPT = 50
"""Expired rows deleted with each answer kept, so that they never pile up."""
GLANCES = 4

CLAIM = """
INSERT INTO easeboard.idempotency_keys AS held (
    person_id, request, key_id, fingerprint, claim, leased_until
)
VALUES (%s, %s, %s, %s, %s, clock_timestamp() + %s)
    ON CONFLICT (person_id, request) DO UPDATE
   SET key_id = excluded.key_id,
       fingerprint = excluded.fingerprint,
       claim = excluded.claim,
       created_at = excluded.created_at,
       leased_until = excluded.leased_until,
       status = NULL,
       headers = NULL,
       body = NULL,
       position = NULL
 WHERE held.claim = excluded.claim
    OR held.created_at <= clock_timestamp() - %s
    OR (held.status IS NULL AND held.leased_until <= clock_timestamp())
RETURNING claim
"""

LOOK = """
SELECT key_id, fingerprint, status, headers, body, position
  FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND request = %s
"""

KEEP = """
WITH swept AS (
    DELETE FROM easeboard.idempotency_keys
     WHERE ctid = ANY (ARRAY(
        SELECT ctid
          FROM easeboard.idempotency_keys
         WHERE created_at <= clock_timestamp() - %s
           AND claim <> %s
         ORDER BY created_at
         LIMIT %s
           FOR UPDATE SKIP LOCKED
     ))
)
UPDATE easeboard.idempotency_keys
   SET status = %s,
       headers = %s,
       body = %s,
       position = %s
 WHERE person_id = %s
   AND request = %s
   AND claim = %s
"""

FREE = """
DELETE FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND request = %s
   AND claim = %s
"""

FORGET = "DELETE FROM easeboard.idempotency_keys WHERE person_id = %s"


class KeyInUse(Exception):
    """The same request is being worked on just now."""


class KeyReused(Exception):
    """The key came with something else before."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key; its content may hold secrets, and is kept as a keyed digest alone."""

    person_id: UUID
    path: str
    key: str
    content: bytes

    @property
    def request(self) -> bytes:
        """What tells it among the person's requests, of one size however long path and key are."""
        return sha256(f"{self.path}\0{self.key}".encode()).digest()

    def fingerprint(self, master: MasterKey) -> bytes:
        """A digest of the content that says nothing outside this row."""
        place = self.person_id.bytes + self.request
        return hmac.digest(master.derive(PURPOSE), place + self.content, "sha256")


class Claim(NamedTuple):
    """The right to answer a request, until the lease ends."""

    person_id: UUID
    request: bytes
    id: UUID


class Answer(NamedTuple):
    """What was answered, and how far into the log that reached."""

    status: int
    headers: dict[str, str]
    body: bytes
    position: int


class Answers:
    """Claims and answers in easeboard.idempotency_keys, in the time of the database."""

    def __init__(self, pool: Pool, ring: KeyRing, *, threads: int = 4) -> None:
        self._pool = pool
        self._ring = ring
        self._threads = Threads(threads)

    async def claim(self, asked: Asked) -> Claim | Answer:
        """The right to answer, or the answer given before; raises KeyInUse, KeyReused."""
        return await self._threads.run(self._claim, asked)

    async def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer for a day, unless somebody else took the claim over."""
        kept = [answer.status, Jsonb(answer.headers), answer.body, answer.position]
        values = [KEPT, claim.id, SWEPT, *kept, *claim]
        await self._threads.run(ask, self._pool, KEEP, values)

    async def free(self, claim: Claim) -> None:
        """Give the claim up: the key is as good as new."""
        await self._threads.run(ask, self._pool, FREE, claim)

    async def forget(self, person_id: UUID) -> None:
        """Forget every key of a person and what was answered."""
        await self._threads.run(ask, self._pool, FORGET, [person_id])

    def close(self) -> None:
        """Let the threads go; the pool is the caller's."""
        self._threads.close()

    def _claim(self, asked: Asked) -> Claim | Answer:
        master, claim = self._ring.newest, Claim(asked.person_id, asked.request, uuid4())
        row = [asked.person_id, asked.request, master.id, asked.fingerprint(master), claim.id]
        for _ in range(GLANCES):
            if ask(self._pool, CLAIM, [*row, LEASE, KEPT]):
                return claim
            if found := ask(self._pool, LOOK, [asked.person_id, asked.request]):
                key_id, fingerprint, *given = found[0]
                self._compare(asked, key_id, fingerprint)
                if None not in given:
                    return Answer(*given)
                break
        raise KeyInUse

    def _compare(self, asked: Asked, key_id: str, fingerprint: bytes) -> None:
        """Raise KeyReused for other content, or where the key that could tell is gone."""
        try:
            own = asked.fingerprint(self._ring.by_id(key_id))
        except KeyError:
            raise KeyReused from None
        if not hmac.compare_digest(own, fingerprint):
            raise KeyReused
