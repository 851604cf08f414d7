"""Tests of fault injection in the sandbox."""

import asyncio

import aiohttp
import pytest

from infrastructure.canvas_sandbox.fault_injection import FAULT_KINDS
from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient

SHORT = aiohttp.ClientTimeout(total=0.3)
MEBIBYTE = 1 << 20


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
async def test_a_replacement_response_applies_to_one_request(
    client: SandboxClient, kind: str, status: int, content_type: str
) -> None:
    client.sandbox.control.inject(kind)

    first, second = await client("/courses"), await client("/courses")

    assert (first.status, first.headers["Content-Type"]) == (status, content_type)
    assert second.status == 200
    assert [entry["fault"] for entry in client.sandbox.control.requests()] == [kind, None]


async def test_faults_apply_to_matching_requests_only(client: SandboxClient) -> None:
    client.sandbox.control.inject("error_500", times=2, path=r"/courses/1001/", student=1)

    statuses = [
        (await client("/courses/1001/assignments", student=0)).status,
        (await client("/courses", student=1)).status,
        (await client("/courses/1001/assignments", student=1)).status,
        (await client("/courses/1001/assignments", student=1)).status,
        (await client("/courses/1001/assignments", student=1)).status,
    ]

    assert statuses == [200, 200, 500, 500, 200]


async def test_unlimited_faults_end_when_cleared(client: SandboxClient) -> None:
    client.sandbox.control.inject("html_503", times=None)
    assert [(await client("/courses")).status for _ in range(3)] == [503] * 3

    client.sandbox.control.clear_faults()

    assert (await client("/courses")).status == 200


def test_an_unknown_fault_kind_is_an_error(client: SandboxClient) -> None:
    with pytest.raises(ValueError, match="no fault kind 'earthquake'"):
        client.sandbox.control.inject("earthquake")


async def test_a_connection_is_reset(client: SandboxClient) -> None:
    client.sandbox.control.inject("reset", times=None)

    with pytest.raises(aiohttp.ClientOSError):
        await client("/courses")


async def test_a_response_can_be_truncated(client: SandboxClient) -> None:
    client.sandbox.control.inject("truncated")

    with pytest.raises(aiohttp.ClientPayloadError):
        await client("/courses")


@pytest.mark.parametrize("kind", ["hang", "slow_drip"])
async def test_a_response_can_hang_or_be_slow(client: SandboxClient, kind: str) -> None:
    client.sandbox.control.inject(kind)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client("/courses")


async def test_a_body_can_be_endless(client: SandboxClient) -> None:
    client.sandbox.control.inject("endless")
    headers = {"Authorization": f"Bearer {client.sandbox.tokens[0]['token']}"}

    async with client.session.get(
        f"{client.sandbox.url}/api/v1/courses", headers=headers
    ) as response:
        received = len(await response.content.readexactly(4 * MEBIBYTE))
        response.close()

    assert received == 4 * MEBIBYTE


async def test_a_gzip_bomb_is_small_until_decompressed(client: SandboxClient) -> None:
    client.sandbox.control.inject("gzip_bomb", megabytes=16)

    response = await client("/courses")

    assert int(response.headers["Content-Length"]) < 32_768
    assert len(response.body) == 16 * MEBIBYTE


async def test_next_links_can_be_corrupted(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.inject("next_elsewhere")
    control.inject("next_repeats")
    control.inject("endless_pages")

    elsewhere, repeats, endless = [(await client("/courses?per_page=2")).links for _ in range(3)]

    assert elsewhere["next"].startswith("https://elsewhere.invalid/")
    assert repeats["next"] == f"{client.sandbox.url}/api/v1/courses?per_page=2"
    assert endless["next"] == f"{client.sandbox.url}/api/v1/courses?per_page=2&again=1"


async def test_includes_can_be_ignored_once(client: SandboxClient) -> None:
    client.sandbox.control.inject("includes_ignored", path="/courses$")

    without_includes, with_includes = await client.courses(), await client.courses()

    assert "term" not in without_includes[0]
    assert "term" in with_includes[0]


def test_every_fault_kind_is_documented() -> None:
    from infrastructure.canvas_sandbox import fault_injection  # noqa: PLC0415  for its docstring

    assert all(f"`{kind}`" in (fault_injection.__doc__ or "") for kind in FAULT_KINDS)
