"""What is known of each witness in the database: the newest signature, or why there is none."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.trust_policy import PolicyWitness
from infrastructure.seals.witness_client.cosignature_request import Cosignature

SELECT_STATUS = """
SELECT vkey, name, url, size, signed_at, requested_at, problem, problem_since, is_contradicted
  FROM easeboard.seal_witnesses
 ORDER BY name, vkey
"""

# `greatest`: a process that was slow must not take back what another one has recorded.
UPSERT_SIGNED = """
INSERT INTO easeboard.seal_witnesses AS known (vkey, name, url, size, signed_at)
VALUES (%(vkey)s, %(name)s, %(url)s, %(size)s, to_timestamp(%(time)s))
    ON CONFLICT (vkey) DO UPDATE
   SET name            = excluded.name,
       url             = excluded.url,
       size            = greatest(known.size, excluded.size),
       signed_at       = greatest(known.signed_at, excluded.signed_at),
       requested_at        = clock_timestamp(),
       problem         = NULL,
       problem_since   = NULL,
       is_contradicted = false
"""

UPSERT_PROBLEM = """
INSERT INTO easeboard.seal_witnesses AS known
       (vkey, name, url, problem, problem_since, is_contradicted)
VALUES (%(vkey)s, %(name)s, %(url)s, %(problem)s, clock_timestamp(), %(is_contradicted)s)
    ON CONFLICT (vkey) DO UPDATE
   SET name            = excluded.name,
       url             = excluded.url,
       requested_at        = clock_timestamp(),
       problem         = excluded.problem,
       problem_since   = coalesce(known.problem_since, excluded.problem_since),
       is_contradicted = excluded.is_contradicted
"""

DELETE_OTHERS = "DELETE FROM easeboard.seal_witnesses WHERE vkey <> ALL (%s)"

ADD_COSIGNATURES = """
UPDATE easeboard.seal_checkpoints
   SET cosignatures = cosignatures || %(lines)s
 WHERE size = %(size)s
   AND root = %(root)s
   AND position(%(lines)s IN cosignatures) = 0
"""


COUNT_PROBLEMS = """
SELECT coalesce(
           max(extract(epoch FROM clock_timestamp() - problem_since))::float8, 0
       ) AS problem_seconds,
       count(*) FILTER (WHERE is_contradicted) AS contradictions
  FROM easeboard.seal_witnesses
"""


class WitnessProblems(NamedTuple):
    """How long a witness has not signed, at most, and how many contradict this history."""

    problem_seconds: float
    contradictions: int


class WitnessStatus(NamedTuple):
    """A row of the table."""

    vkey: str
    name: str
    url: str
    size: int
    """The tree of the newest checkpoint that it has signed; 0 before the first."""
    signed_at: datetime | None
    requested_at: datetime
    problem: str | None
    problem_since: datetime | None
    is_contradicted: bool
    """Whether it has signed another history than the one of this log."""


async def load_witness_status(pool: ReadPool) -> list[WitnessStatus]:
    """Return what is known of the witnesses, by name."""
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(WitnessStatus)) as cursor,
    ):
        return await (await cursor.execute(SELECT_STATUS)).fetchall()


async def count_witness_problems(pool: AsyncConnectionPool[Any]) -> WitnessProblems:
    """Return what metrics publish of the witnesses; zeros if all of them sign."""
    async with pool.connection() as connection:
        row = await (await connection.execute(COUNT_PROBLEMS)).fetchone()
    return WitnessProblems(*row) if row else WitnessProblems(0, 0)


async def store_cosignatures(
    pool: AsyncConnectionPool[Any],
    size: int,
    root: bytes,
    signed: Sequence[tuple[PolicyWitness, Cosignature]],
) -> None:
    """Add signatures to the stored checkpoint, and record that these witnesses have signed it."""
    lines = "".join(f"{cosignature.line}\n" for _, cosignature in signed)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(ADD_COSIGNATURES, {"lines": lines, "size": size, "root": root})
        for witness, cosignature in signed:
            values = {**_names(witness), "size": size, "time": cosignature.time}
            await connection.execute(UPSERT_SIGNED, values)


async def store_problem(
    pool: AsyncConnectionPool[Any],
    witnesses: Sequence[PolicyWitness],
    problem: str,
    *,
    is_contradicted: bool,
) -> None:
    """Record why these witnesses did not sign."""
    async with pool.connection() as connection, connection.transaction():
        for witness in witnesses:
            values = {
                **_names(witness),
                "problem": problem,
                "is_contradicted": is_contradicted,
            }
            await connection.execute(UPSERT_PROBLEM, values)


async def forget_other_witnesses(
    pool: AsyncConnectionPool[Any], keys: Sequence[VerifierKey]
) -> None:
    """Delete what is known of witnesses that the policy no longer names."""
    async with pool.connection() as connection:
        await connection.execute(DELETE_OTHERS, [[str(key) for key in keys]])


def _names(witness: PolicyWitness) -> dict[str, Any]:
    name = witness.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {"vkey": str(witness.key), "name": name, "url": witness.url or ""}
