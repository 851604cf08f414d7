import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from infrastructure.seals.add_checkpoint import MAX_BODY_BYTES, AddCheckpoint
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    new_signing_key,
)
from infrastructure.seals.signed_note import add_signatures, open_note, sign_text, split_note
from tests.deadlines import scaled
from tests.infrastructure.seals.small_log import NOW, SmallLog
from tests.infrastructure.seals.witness_server import running_witness

LOG = SmallLog()
REWRITTEN = SmallLog(seed=b"another past ", keys=LOG.keys)
LOG_KEYS = [key.verifier for key in LOG.keys]
KEY = new_signing_key("witness.example", ED25519_COSIGNATURE)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with running_witness(LOG_KEYS, [KEY], tmp_path / "state") as url:
        yield url


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def post(session: aiohttp.ClientSession, url: str, body: bytes) -> tuple[int, str, bytes]:
    async with session.post(f"{url}/add-checkpoint", data=body) as response:
        return response.status, response.headers["Content-Type"], await response.read()


async def test_every_status_of_the_specification(session: aiohttp.ClientSession, url: str) -> None:
    stranger = SmallLog(origin="log.example/b")
    impostor = SmallLog(keys=[new_signing_key(LOG.origin)])
    bodies = [
        (b"", 400),
        (b"old 5\n\n" + LOG.checkpoint(4), 400),
        (stranger.body(0, 1), 404),
        (impostor.body(0, 1), 403),
        (LOG.body(1, 2), 409),
        (LOG.body(0, 7), 200),
        (LOG.body(7, 7), 200),
        (LOG.body(7, 21), 200),
        (LOG.body(7, 30), 409),
        (REWRITTEN.body(21, 30), 422),
        (REWRITTEN.body(21, 21), 422),
        (AddCheckpoint(21, [], LOG.checkpoint(30)).body(), 422),
        (LOG.body(21, 30), 200),
    ]
    assert [(await post(session, url, body))[0] for body, _ in bodies] == [
        status for _, status in bodies
    ]


async def test_a_conflict_has_the_size_in_its_own_media_type(
    session: aiohttp.ClientSession, url: str
) -> None:
    await post(session, url, LOG.body(0, 7))
    assert await post(session, url, LOG.body(0, 9)) == (409, "text/x.tlog.size", b"7\n")


async def test_the_newest_checkpoint_can_be_read(session: aiohttp.ClientSession, url: str) -> None:
    address = f"{url}/{sha256(LOG.origin.encode()).hexdigest()}/checkpoint"
    async with session.get(address) as response:
        assert response.status == 404
    await post(session, url, LOG.body(0, 7))
    async with session.get(address) as response:
        note = await response.read()
    opened = open_note(note, [KEY.verifier, *(key.verifier for key in LOG.keys)])
    assert (opened.text, len(opened.signatures)) == (split_note(LOG.checkpoint(7))[0], 2)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/add-checkpoint", 405),
        ("PUT", "/add-checkpoint", 405),
        ("POST", "/", 404),
        ("GET", "/", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("GET", "/../state/checkpoint", 404),
        ("POST", f"/{'0' * 64}/checkpoint", 405),
    ],
)
async def test_other_requests_are_refused(
    session: aiohttp.ClientSession, url: str, method: str, path: str, status: int
) -> None:
    async with session.request(method, url + path) as response:
        assert response.status == status


async def test_sixteen_large_signatures_of_strangers_are_ignored(
    session: aiohttp.ClientSession, url: str
) -> None:
    note = LOG.checkpoint(7)
    text, _ = split_note(note)
    strangers = [new_signing_key(f"stranger{number}", ML_DSA_44) for number in range(16)]
    noisy = add_signatures(note, [sign_text(text, key, NOW) for key in strangers])
    status, _, body = await post(session, url, AddCheckpoint(0, [], noisy).body())
    assert (status, body.count(b"\n")) == (200, 1)


async def test_a_body_that_is_too_large_is_refused(
    session: aiohttp.ClientSession, url: str
) -> None:
    body = b"old 0\n\n" + b"x" * MAX_BODY_BYTES
    assert (await post(session, url, body))[0] == 413


async def test_a_body_that_does_not_arrive_is_refused(tmp_path: Path) -> None:
    async with running_witness(LOG_KEYS, [KEY], tmp_path / "state", body_seconds=0.1) as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 9\r\n\r\nold")
        async with asyncio.timeout(scaled(10)):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_of_two_requests_at_once_one_is_cosigned(
    session: aiohttp.ClientSession, url: str
) -> None:
    await post(session, url, LOG.body(0, 7))
    sizes = range(8, 40)
    answers = await asyncio.gather(*(post(session, url, LOG.body(7, size)) for size in sizes))
    statuses = [status for status, _, _ in answers]
    assert (statuses.count(200), statuses.count(409)) == (1, len(sizes) - 1)
    won = sizes[statuses.index(200)]
    assert {body for status, _, body in answers if status == 409} == {b"%d\n" % won}
