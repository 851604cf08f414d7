"""Both ways of paging."""

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker

ROWS = "/courses/1001/students/submissions"


async def test_numbered_pages_lead_from_the_first_to_the_last(ask: Asker) -> None:
    told = await ask.pages("/courses?include[]=term&per_page=4&access_token=x")

    ids = [item["id"] for page in told for item in page.json]
    base = f"{ask.sandbox.url}/api/v1/courses?include%5B%5D=term"
    assert len(told) == 2
    assert len(set(ids)) == 6
    assert told[0].headers["Link"] == (
        f'<{base}&page=1&per_page=4>; rel="current",'
        f'<{base}&page=2&per_page=4>; rel="next",'
        f'<{base}&page=1&per_page=4>; rel="first",'
        f'<{base}&page=2&per_page=4>; rel="last"'
    )
    assert list(told[1].links) == ["current", "prev", "first", "last"]


async def test_ten_items_a_page_unless_asked(ask: Asker) -> None:
    assert len((await ask("/courses/1001/assignments")).json) == 10


@pytest.mark.parametrize(
    ("asked", "given"), [("0", 1), ("-3", 1), ("many", 1), ("7x", 7), ("1000", 20), ("100", 20)]
)
async def test_the_size_of_a_page_is_clamped(ask: Asker, asked: str, given: int) -> None:
    assert len((await ask(f"/courses/1001/assignments?per_page={asked}")).json) == given


async def test_past_the_end_there_is_an_empty_page(ask: Asker) -> None:
    told = await ask("/courses?page=9")

    assert (told.status, told.body) == (200, b"[]")
    assert "next" not in told.links


@pytest.mark.parametrize("page", ["0", "-1", "two", "first"])
async def test_a_page_that_is_no_number_is_not_there(ask: Asker, page: str) -> None:
    assert (await ask(f"/courses?page={page}")).status == 404


async def test_a_single_page_has_no_next_one(ask: Asker) -> None:
    assert list((await ask("/courses?per_page=100")).links) == ["current", "first", "last"]


async def test_bookmarks_lead_on_but_never_say_how_far(ask: Asker) -> None:
    told = await ask.pages(f"{ROWS}?per_page=6")

    ids = [item["id"] for page in told for item in page.json]
    assert len(ids) == len(set(ids)) == 19
    assert ids == sorted(ids)
    assert list(told[0].links) == ["current", "next", "first"]
    assert "page=first" in told[0].links["current"]
    assert "page=bookmark:" in told[0].links["next"]
    assert list(told[-1].links) == ["current", "first"]


@pytest.mark.parametrize("page", ["bookmark:%%%", "bookmark:WzFd", "2", "bookmark:e30"])
async def test_a_bookmark_nobody_can_read_opens_the_first_page(ask: Asker, page: str) -> None:
    first = await ask(f"{ROWS}?per_page=6")

    assert (await ask(f"{ROWS}?per_page=6&page={page}")).json == first.json


async def test_newest_first_is_numbered(ask: Asker) -> None:
    told = await ask(f"{ROWS}?per_page=6&order=graded_at&order_direction=descending")

    graded = [item["graded_at"] or "" for item in told.json]
    assert graded == sorted(graded, reverse=True)
    assert "last" in told.links


async def test_links_beyond_six_kilobytes_are_left_out(ask: Asker) -> None:
    padding = "x" * 2_900

    told = await ask(f"/courses?per_page=2&note={padding}")

    assert list(told.links) == ["next", "last"]
