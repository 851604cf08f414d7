import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from infrastructure.seals.add_checkpoint import AddCheckpoint
from infrastructure.seals.seal_store import SealedCheckpoint
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SigningKey,
    new_signing_key,
)
from infrastructure.seals.signed_note import sign_text, split_note
from infrastructure.seals.witness_client import witness_exchange
from infrastructure.seals.witness_client.cosignature_request import (
    MAX_ATTEMPTS,
    MAX_CLOCK_DIFFERENCE_SECONDS,
    Cosignature,
    CosignatureRequest,
    obtain_cosignatures,
)
from infrastructure.seals.witness_client.witness_exchange import (
    MAX_ANSWER_BYTES,
    HistoryContradicted,
    WitnessSilent,
    fetch_newest,
    new_witness_session,
)
from tests.infrastructure.seals.small_log import NOW, SmallLog
from tests.infrastructure.seals.witness_client.hostile_witness import (
    Answer,
    answer,
    hostile_witness,
    in_turn,
)

LOG = SmallLog()
ED25519_KEY = new_signing_key("witness.example", ED25519_COSIGNATURE)
ML_DSA_KEY = new_signing_key("witness.example", ML_DSA_44)
STRANGER = new_signing_key("stranger.example", ED25519_COSIGNATURE)
SIZE = 21


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_witness_session() as opened:
        yield opened


def checkpoint(size: int = SIZE) -> SealedCheckpoint:
    note = LOG.checkpoint(size)
    return SealedCheckpoint(size, size, LOG.root(size), note, datetime.now(UTC))


def signatures(*keys: SigningKey, size: int = SIZE, time: int = NOW) -> bytes:
    text, _ = split_note(LOG.checkpoint(size))
    return "".join(f"{sign_text(text, key, time)}\n" for key in keys).encode()


USELESS_ANSWERS: dict[str, tuple[Answer, str]] = {
    "no signature": (answer(200), "none of the keys"),
    "a stranger": (answer(200, signatures(STRANGER)), "none of the keys"),
    "another checkpoint": (
        answer(200, signatures(ED25519_KEY, size=20)),
        "signature of witness.example is wrong",
    ),
    "one of two is wrong": (
        answer(200, signatures(ML_DSA_KEY) + signatures(ED25519_KEY, size=20)),
        "signature of witness.example is wrong",
    ),
    "no time": (answer(200, signatures(ML_DSA_KEY, time=0)), "one of the clocks is wrong"),
    "a time to come": (
        answer(200, signatures(ED25519_KEY, time=NOW + 2 + MAX_CLOCK_DIFFERENCE_SECONDS)),
        "one of the clocks is wrong",
    ),
    "a time long ago": (
        answer(200, signatures(ED25519_KEY, time=NOW - MAX_CLOCK_DIFFERENCE_SECONDS)),
        "one of the clocks is wrong",
    ),
    "a page": (answer(200, b"<html>"), "something else than signature lines"),
    "no text": (answer(200, b"\xff\xfe"), "something else than signature lines"),
    "too many lines": (
        answer(200, signatures(STRANGER) * 101),
        "something else than signature lines",
    ),
    "too many bytes": (answer(200, b"x" * (MAX_ANSWER_BYTES + 1)), "larger than"),
    "no size": (answer(409), "without a size"),
    "a size with a zero": (answer(409, b"05\n"), "without a size"),
    "a size without its end": (answer(409, b"5"), "without a size"),
    "a huge size": (answer(409, b"9" * 5000 + b"\n"), "without a size"),
    "403": (answer(403, b"unknown key"), "403: it does not know the key .*: unknown key"),
    "404": (answer(404), "404: it does not serve this log"),
    "400": (answer(400), "400: it finds the request malformed"),
    "429": (answer(429), "429: it has had too many requests"),
    "500": (answer(500, b"a\nb"), "it answered 500: a b"),
    "201": (answer(201, b""), "it answered 201"),
    "a redirect": (answer(301, b"", "Location: http://127.0.0.1:1/"), "redirects are not followed"),
    "a huge header": (answer(200, b"", "X: " + "y" * 20_000), "the request failed"),
    "a compressed body": (answer(200, b"", "Content-Encoding: gzip"), "none of the keys"),
}


async def prove(old_size: int, size: int) -> list[bytes]:
    return LOG.proof(old_size, size)


async def obtain(
    session: aiohttp.ClientSession, url: str, *, known_size: int = 0
) -> list[Cosignature]:
    keys = [ED25519_KEY.verifier, ML_DSA_KEY.verifier]
    request = CosignatureRequest(url, keys, known_size, checkpoint())
    return await obtain_cosignatures(session, request, prove, NOW + 1)


async def test_signatures_of_the_policy_are_returned(session: aiohttp.ClientSession) -> None:
    body = signatures(ED25519_KEY, STRANGER, ML_DSA_KEY)
    async with hostile_witness(answer(200, body)) as witness:
        found = await obtain(session, f"{witness.url}/")
    assert {(each.key, each.time) for each in found} == {
        (ED25519_KEY.verifier, NOW),
        (ML_DSA_KEY.verifier, NOW),
    }
    assert {f"{each.line}" for each in found} < set(body.decode().splitlines())
    assert witness.requests == [AddCheckpoint(0, [], LOG.checkpoint(SIZE))]


async def test_after_409_the_proof_begins_at_the_size_of_the_witness(
    session: aiohttp.ClientSession,
) -> None:
    answers = in_turn(answer(409, b"13\n"), answer(200, signatures(ED25519_KEY)))
    async with hostile_witness(answers) as witness:
        await obtain(session, witness.url, known_size=5)
    assert witness.requests == [LOG.request(5, SIZE), LOG.request(13, SIZE)]


async def test_a_witness_that_forgot_is_sent_everything(session: aiohttp.ClientSession) -> None:
    answers = in_turn(answer(409, b"0\n"), answer(200, signatures(ED25519_KEY)))
    async with hostile_witness(answers) as witness:
        await obtain(session, witness.url, known_size=5)
    assert witness.requests == [LOG.request(5, SIZE), LOG.request(0, SIZE)]


async def test_a_witness_with_a_larger_history_contradicts(
    session: aiohttp.ClientSession,
) -> None:
    async with hostile_witness(answer(409, b"22\n")) as witness:
        with pytest.raises(HistoryContradicted, match="went backwards") as found:
            await obtain(session, witness.url, known_size=30)
    assert found.value.size == 22
    assert [request and request.old_size for request in witness.requests] == [0]


async def test_a_refused_proof_contradicts(session: aiohttp.ClientSession) -> None:
    async with hostile_witness(answer(422, b"other\x1b[31m roots\n")) as witness:
        with pytest.raises(HistoryContradicted, match="roots"):
            await obtain(session, witness.url)


async def test_a_witness_that_always_demands_another_size_is_left(
    session: aiohttp.ClientSession,
) -> None:
    sizes = [answer(409, b"%d\n" % size) for size in (3, 4, 5, 6, 7)]
    async with hostile_witness(in_turn(*sizes)) as witness:
        with pytest.raises(WitnessSilent, match="another size"):
            await obtain(session, witness.url)
    assert len(witness.requests) == MAX_ATTEMPTS
    async with hostile_witness(answer(409, b"4\n")) as witness:
        with pytest.raises(WitnessSilent, match="refuses the size that it demands"):
            await obtain(session, witness.url)


@pytest.mark.parametrize("name", USELESS_ANSWERS)
async def test_an_answer_that_is_no_signature_is_explained(
    session: aiohttp.ClientSession, name: str
) -> None:
    answers, message = USELESS_ANSWERS[name]
    async with hostile_witness(answers) as witness:
        with pytest.raises(WitnessSilent, match=message):
            await obtain(session, witness.url)
    assert len(witness.requests) == 1


async def test_a_body_without_end_is_cut_off(session: aiohttp.ClientSession) -> None:
    async def endless(_request: AddCheckpoint | None, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with hostile_witness(endless) as witness:
        with pytest.raises(WitnessSilent, match="larger than"):
            await obtain(session, witness.url)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n\xe2"])
async def test_a_witness_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(witness_exchange, "REQUEST_SECONDS", 0.2)

    async def hang(_request: AddCheckpoint | None, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await asyncio.Event().wait()

    async with hostile_witness(hang) as witness, new_witness_session() as session:
        with pytest.raises(WitnessSilent, match="no answer within"):
            await obtain(session, witness.url)


async def test_a_witness_that_closes_the_connection_is_explained(
    session: aiohttp.ClientSession,
) -> None:
    async def close(_request: AddCheckpoint | None, _writer: asyncio.StreamWriter) -> None:
        return

    async with hostile_witness(close) as witness:
        with pytest.raises(WitnessSilent, match="the request failed"):
            await obtain(session, witness.url)
    with pytest.raises(WitnessSilent, match="the request failed"):
        await obtain(session, witness.url)


async def test_the_newest_checkpoint_of_a_witness_is_fetched(
    session: aiohttp.ClientSession,
) -> None:
    answers = in_turn(answer(200, b"note"), answer(404), answer(302), answer(200, b"x" * 70_000))
    async with hostile_witness(answers) as witness:
        assert await fetch_newest(session, witness.url, "ab") == b"note"
        assert await fetch_newest(session, witness.url, "ab") is None
        for _ in range(2):
            with pytest.raises(WitnessSilent):
                await fetch_newest(session, witness.url, "ab")
