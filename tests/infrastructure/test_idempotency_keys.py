"""A request under a key is answered once, whoever asks again and whenever."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from infrastructure.crypto.master_key import KeyRing, key_ring
from infrastructure.idempotency_keys import (
    CLAIM,
    KEPT,
    LEASE,
    SWEPT,
    Answer,
    Answers,
    Asked,
    Claim,
    KeyInUse,
    KeyReused,
)
from infrastructure.postgres.execute import Pool, ask
from infrastructure.postgres.pools import writes
from tests.dev_tokens import ADA, BOB

OLD, NEW = "hex:" + "0123456789abcdef" * 4, "hex:" + "fedcba9876543210" * 4
SECRET = b'{"api_token": "7~s3cr3t"}'
ASKED = Asked(ADA, "/api/v1/canvas/setup", "key-1", SECRET)
GIVEN = Answer(
    201, {"content-type": "application/json", "location": "/x"}, b'{"a":1}\n\xc3\xa9', 42
)


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with writes(database_url) as pool:
        yield pool


@pytest.fixture
def answers(pool: Pool) -> Iterator[Answers]:
    yield from under(pool, key_ring(OLD))


def under(pool: Pool, ring: KeyRing) -> Iterator[Answers]:
    answers = Answers(pool, ring)
    yield answers
    answers.close()


async def claimed(answers: Answers, asked: Asked = ASKED) -> Claim:
    claim = await answers.claim(asked)
    assert isinstance(claim, Claim)
    return claim


def age(pool: Pool, hours: float) -> None:
    ask(
        pool,
        "UPDATE easeboard.idempotency_keys SET created_at = created_at - %s * interval '1 hour'",
        [hours],
    )


def end_leases(pool: Pool) -> None:
    ask(pool, "UPDATE easeboard.idempotency_keys SET leased_until = clock_timestamp()")


def count(pool: Pool) -> int:
    [(rows,)] = ask(pool, "SELECT count(*) FROM easeboard.idempotency_keys")
    return int(rows)


async def test_an_answer_comes_back_as_it_was(answers: Answers) -> None:
    await answers.keep(await claimed(answers), GIVEN)
    assert await answers.claim(ASKED) == GIVEN
    assert await answers.claim(ASKED) == GIVEN


async def test_an_answer_may_be_empty(answers: Answers) -> None:
    empty = Answer(204, {}, b"", 0)
    await answers.keep(await claimed(answers), empty)
    assert await answers.claim(ASKED) == empty


async def test_of_many_at_once_one_may_answer(answers: Answers) -> None:
    found = await asyncio.gather(*(answers.claim(ASKED) for _ in range(12)), return_exceptions=True)
    kinds = sorted(type(each).__name__ for each in found)
    assert kinds == ["Claim"] + ["KeyInUse"] * 11


@pytest.mark.parametrize("answered", [False, True])
async def test_other_content_is_refused(answers: Answers, *, answered: bool) -> None:
    claim = await claimed(answers)
    if answered:
        await answers.keep(claim, GIVEN)
    with pytest.raises(KeyReused):
        await answers.claim(Asked(ADA, ASKED.path, ASKED.key, b"other"))


@pytest.mark.parametrize(
    "other",
    [
        Asked(BOB, ASKED.path, ASKED.key, SECRET),
        Asked(ADA, "/elsewhere", ASKED.key, SECRET),
        Asked(ADA, ASKED.path, "key-2", SECRET),
        Asked(ADA, "/" * 60_000, "k" * 255, SECRET),
    ],
    ids=["person", "path", "key", "long"],
)
async def test_anything_else_is_another_request(answers: Answers, other: Asked) -> None:
    await claimed(answers)
    await claimed(answers, other)


async def test_a_key_given_up_is_as_good_as_new(answers: Answers, pool: Pool) -> None:
    await answers.free(await claimed(answers))
    assert count(pool) == 0
    await claimed(answers, Asked(ADA, ASKED.path, ASKED.key, b"other"))


async def test_a_claim_is_lost_with_its_lease_and_not_before(answers: Answers, pool: Pool) -> None:
    first = await claimed(answers)
    [(left,)] = ask(
        pool,
        "SELECT leased_until - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s'"
        "  FROM easeboard.idempotency_keys",
    )
    assert left
    end_leases(pool)
    second = await claimed(answers)
    await answers.keep(first, Answer(500, {}, b"late", 0))
    await answers.free(first)
    with pytest.raises(KeyInUse):
        await answers.claim(ASKED)
    await answers.keep(second, GIVEN)
    end_leases(pool)
    assert await answers.claim(ASKED) == GIVEN


async def test_an_answer_lasts_a_day(answers: Answers, pool: Pool) -> None:
    await answers.keep(await claimed(answers), GIVEN)
    age(pool, 23.9)
    assert await answers.claim(ASKED) == GIVEN
    age(pool, 0.1)
    claim = await claimed(answers, Asked(ADA, ASKED.path, ASKED.key, b"other"))
    with pytest.raises(KeyReused):
        await answers.claim(ASKED)
    await answers.keep(claim, GIVEN)
    age(pool, 23.9)
    with pytest.raises(KeyReused):
        await answers.claim(ASKED)


async def test_the_expired_go_in_passing_and_not_all_at_once(answers: Answers, pool: Pool) -> None:
    for number in range(SWEPT + 5):
        await claimed(answers, Asked(ADA, ASKED.path, f"old-{number}", b""))
    age(pool, 24)
    for left in (5, 0):
        claim = await claimed(answers, Asked(BOB, ASKED.path, f"new-{left}", b""))
        await answers.keep(claim, GIVEN)
        old = ask(
            pool, "SELECT request FROM easeboard.idempotency_keys WHERE person_id = %s", [ADA]
        )
        assert len(old) == left
    assert count(pool) == 2


async def test_a_newer_master_key_still_knows_what_was_asked(answers: Answers, pool: Pool) -> None:
    await answers.keep(await claimed(answers), GIVEN)
    for newer in under(pool, key_ring(f"k2={NEW},k1={OLD}")):
        assert await newer.claim(ASKED) == GIVEN
        with pytest.raises(KeyReused):
            await newer.claim(Asked(ADA, ASKED.path, ASKED.key, b"other"))


async def test_what_nothing_can_compare_is_not_replayed(answers: Answers, pool: Pool) -> None:
    await answers.keep(await claimed(answers), GIVEN)
    for stranger in under(pool, key_ring(f"k2={NEW}")):
        with pytest.raises(KeyReused):
            await stranger.claim(ASKED)


def test_a_claim_whose_answer_was_lost_may_be_asked_for_again(pool: Pool) -> None:
    row = [ADA, ASKED.request, "k1", b"fingerprint", UUID(int=1), LEASE, KEPT]
    assert ask(pool, CLAIM, row) == ask(pool, CLAIM, row) == [(UUID(int=1),)]
    row[4] = UUID(int=2)
    assert ask(pool, CLAIM, row) == []


async def test_a_person_is_forgotten(answers: Answers, pool: Pool) -> None:
    claim = await claimed(answers)
    await claimed(answers, Asked(BOB, ASKED.path, ASKED.key, SECRET))
    await answers.forget(ADA)
    await answers.keep(claim, GIVEN)
    assert ask(pool, "SELECT person_id FROM easeboard.idempotency_keys") == [(BOB,)]


async def test_neither_key_nor_content_is_written_down(answers: Answers, pool: Pool) -> None:
    await answers.keep(await claimed(answers), GIVEN)
    [(row,)] = ask(pool, "SELECT row_to_json(k)::text FROM easeboard.idempotency_keys AS k")
    for secret in (SECRET, ASKED.key.encode(), b"s3cr3t"):
        assert secret.decode() not in row
        assert secret.hex() not in row
    assert UUID(str(ADA)).hex not in row.replace(f'"{ADA}"', "")
