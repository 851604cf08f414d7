"""Tests of both kinds of pagination."""

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient

SUBMISSIONS_PATH = "/courses/1001/students/submissions"


async def test_numbered_pages_link_to_all_other_pages(client: SandboxClient) -> None:
    pages = await client.pages("/courses?include[]=term&per_page=4&access_token=x")

    ids = [item["id"] for page in pages for item in page.json]
    base = f"{client.sandbox.url}/api/v1/courses?include%5B%5D=term"
    assert len(pages) == 2
    assert len(set(ids)) == 6
    assert pages[0].headers["Link"] == (
        f'<{base}&page=1&per_page=4>; rel="current",'
        f'<{base}&page=2&per_page=4>; rel="next",'
        f'<{base}&page=1&per_page=4>; rel="first",'
        f'<{base}&page=2&per_page=4>; rel="last"'
    )
    assert list(pages[1].links) == ["current", "prev", "first", "last"]


async def test_a_page_has_ten_items_by_default(client: SandboxClient) -> None:
    assert len((await client("/courses/1001/assignments")).json) == 10


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("0", 1), ("-3", 1), ("many", 1), ("7x", 7), ("1000", 20), ("100", 20)],
)
async def test_the_page_size_is_clamped(
    client: SandboxClient, requested: str, expected: int
) -> None:
    assert len((await client(f"/courses/1001/assignments?per_page={requested}")).json) == expected


async def test_a_page_past_the_end_is_empty(client: SandboxClient) -> None:
    response = await client("/courses?page=9")

    assert (response.status, response.body) == (200, b"[]")
    assert "next" not in response.links


@pytest.mark.parametrize("page", ["0", "-1", "two", "first"])
async def test_an_invalid_page_number_is_not_found(client: SandboxClient, page: str) -> None:
    assert (await client(f"/courses?page={page}")).status == 404


async def test_a_single_page_has_no_next_link(client: SandboxClient) -> None:
    assert list((await client("/courses?per_page=100")).links) == ["current", "first", "last"]


async def test_bookmarked_pages_have_no_last_link(client: SandboxClient) -> None:
    pages = await client.pages(f"{SUBMISSIONS_PATH}?per_page=6")

    ids = [item["id"] for page in pages for item in page.json]
    assert len(ids) == len(set(ids)) == 19
    assert ids == sorted(ids)
    assert list(pages[0].links) == ["current", "next", "first"]
    assert "page=first" in pages[0].links["current"]
    assert "page=bookmark:" in pages[0].links["next"]
    assert list(pages[-1].links) == ["current", "first"]


@pytest.mark.parametrize("page", ["bookmark:%%%", "bookmark:WzFd", "2", "bookmark:e30"])
async def test_an_invalid_bookmark_returns_the_first_page(client: SandboxClient, page: str) -> None:
    first = await client(f"{SUBMISSIONS_PATH}?per_page=6")

    assert (await client(f"{SUBMISSIONS_PATH}?per_page=6&page={page}")).json == first.json


async def test_the_newest_first_order_uses_numbered_pages(client: SandboxClient) -> None:
    response = await client(
        f"{SUBMISSIONS_PATH}?per_page=6&order=graded_at&order_direction=descending"
    )

    graded = [item["graded_at"] or "" for item in response.json]
    assert graded == sorted(graded, reverse=True)
    assert "last" in response.links


async def test_links_beyond_six_kilobytes_are_omitted(client: SandboxClient) -> None:
    padding = "x" * 2_900

    response = await client(f"/courses?per_page=2&note={padding}")

    assert list(response.links) == ["next", "last"]
