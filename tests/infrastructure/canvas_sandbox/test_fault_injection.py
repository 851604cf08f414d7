"""Faults on demand."""

import asyncio

import aiohttp
import pytest

from infrastructure.canvas_sandbox.fault_injection import KINDS
from tests.infrastructure.canvas_sandbox.sandbox_client import Asker

SHORT = aiohttp.ClientTimeout(total=0.3)
CAP = 1 << 20


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("error_500", 500, "application/json; charset=utf-8"),
        ("error_502", 502, "application/json; charset=utf-8"),
        ("html_502", 502, "text/html"),
        ("html_503", 503, "text/html"),
        ("html_504", 504, "text/html"),
        ("throttle_403", 403, "text/plain; charset=utf-8"),
        ("throttle_429", 429, "text/plain; charset=utf-8"),
        ("denied", 403, "application/json; charset=utf-8"),
        ("not_found", 404, "application/json; charset=utf-8"),
        ("bad_json", 200, "application/json; charset=utf-8"),
        ("deep_json", 200, "application/json; charset=utf-8"),
        ("html_200", 200, "text/html"),
        ("redirect", 302, "text/html"),
    ],
)
async def test_an_answer_of_its_own_for_one_request(
    ask: Asker, kind: str, status: int, content_type: str
) -> None:
    ask.sandbox.control.inject(kind)

    first, second = await ask("/courses"), await ask("/courses")

    assert (first.status, first.headers["Content-Type"]) == (status, content_type)
    assert second.status == 200
    assert [entry["fault"] for entry in ask.sandbox.control.requests()] == [kind, None]


async def test_faults_choose_their_requests(ask: Asker) -> None:
    ask.sandbox.control.inject("error_500", times=2, path=r"/courses/1001/", student=1)

    statuses = [
        (await ask("/courses/1001/assignments", student=0)).status,
        (await ask("/courses", student=1)).status,
        (await ask("/courses/1001/assignments", student=1)).status,
        (await ask("/courses/1001/assignments", student=1)).status,
        (await ask("/courses/1001/assignments", student=1)).status,
    ]

    assert statuses == [200, 200, 500, 500, 200]


async def test_faults_for_ever_end_when_cleared(ask: Asker) -> None:
    ask.sandbox.control.inject("html_503", times=None)
    assert [(await ask("/courses")).status for _ in range(3)] == [503] * 3

    ask.sandbox.control.clear_faults()

    assert (await ask("/courses")).status == 200


def test_an_unknown_fault_is_refused(ask: Asker) -> None:
    with pytest.raises(ValueError, match="no fault is called 'earthquake'"):
        ask.sandbox.control.inject("earthquake")


async def test_a_connection_is_reset(ask: Asker) -> None:
    ask.sandbox.control.inject("reset", times=None)

    with pytest.raises(aiohttp.ClientOSError):
        await ask("/courses")


async def test_half_an_answer(ask: Asker) -> None:
    ask.sandbox.control.inject("truncated")

    with pytest.raises(aiohttp.ClientPayloadError):
        await ask("/courses")


@pytest.mark.parametrize("kind", ["hang", "slow_drip"])
async def test_an_answer_that_does_not_come_in_time(ask: Asker, kind: str) -> None:
    ask.sandbox.control.inject(kind)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await ask("/courses")


async def test_a_body_that_never_ends(ask: Asker) -> None:
    ask.sandbox.control.inject("endless")
    headers = {"Authorization": f"Bearer {ask.sandbox.tokens[0]['token']}"}

    async with ask.session.get(f"{ask.sandbox.url}/api/v1/courses", headers=headers) as answer:
        read = len(await answer.content.readexactly(4 * CAP))
        answer.close()

    assert read == 4 * CAP


async def test_a_gzip_bomb_is_small_outside(ask: Asker) -> None:
    ask.sandbox.control.inject("gzip_bomb", megabytes=16)

    told = await ask("/courses")

    assert int(told.headers["Content-Length"]) < 32_768
    assert len(told.body) == 16 * CAP


async def test_pages_that_lead_astray(ask: Asker) -> None:
    control = ask.sandbox.control
    control.inject("next_elsewhere")
    control.inject("next_repeats")
    control.inject("endless_pages")

    elsewhere, repeats, endless = [(await ask("/courses?per_page=2")).links for _ in range(3)]

    assert elsewhere["next"].startswith("https://elsewhere.invalid/")
    assert repeats["next"] == f"{ask.sandbox.url}/api/v1/courses?per_page=2"
    assert endless["next"] == f"{ask.sandbox.url}/api/v1/courses?per_page=2&again=1"


async def test_includes_may_be_ignored_once(ask: Asker) -> None:
    ask.sandbox.control.inject("includes_ignored", path="/courses$")

    without, with_ = await ask.courses(), await ask.courses()

    assert "term" not in without[0]
    assert "term" in with_[0]


def test_every_kind_is_in_the_documentation() -> None:
    from infrastructure.canvas_sandbox import fault_injection  # noqa: PLC0415  its docstring is asked

    assert all(f"`{kind}`" in (fault_injection.__doc__ or "") for kind in KINDS)
