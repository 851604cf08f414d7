"""Tests of faults that concern one course or one page: slow, broken, too large, shifted."""

import asyncio
import time
from typing import Any

import orjson
import pytest

from infrastructure.canvas_sandbox.body_faults import WRONG_SHAPES
from tests.infrastructure.canvas_sandbox.sandbox_client import GROUPS_PATH, SandboxClient

GROUPS = f"/courses/1001/{GROUPS_PATH}"


async def read_ids(client: SandboxClient, path: str) -> list[list[int]]:
    """The ids of the rows of each page."""
    return [[row["id"] for row in page.json] for page in await client.pages(path)]


async def test_one_course_can_be_slow_while_others_respond(client: SandboxClient) -> None:
    client.sandbox.control.inject("slow", times=None, path="/courses/1001/", seconds=0.5)
    started = time.monotonic()

    async def seconds_until(path: str) -> float:
        assert (await client(path)).status == 200
        return time.monotonic() - started

    slow, other = await asyncio.gather(
        seconds_until(GROUPS), seconds_until(f"/courses/1002/{GROUPS_PATH}")
    )

    assert slow >= 0.5
    assert other < slow
    assert [entry["fault"] for entry in client.sandbox.control.requests()].count("slow") == 1


async def test_a_slow_response_is_the_correct_one(client: SandboxClient) -> None:
    expected = await client(GROUPS)
    client.sandbox.control.inject("slow", seconds=0.01)

    slow = await client(GROUPS)

    assert slow.body == expected.body
    assert "X-Rate-Limit-Remaining" in slow.headers


async def test_a_firewall_refuses_in_html(client: SandboxClient) -> None:
    client.sandbox.control.inject("html_403", path="assignment_groups")

    response = await client(GROUPS)

    assert (response.status, response.headers["Content-Type"]) == (403, "text/html")
    assert "WWW-Authenticate" not in response.headers
    assert b"Request Rejected" in response.body


@pytest.mark.parametrize("shape", WRONG_SHAPES)
async def test_a_response_can_have_another_shape(client: SandboxClient, shape: str) -> None:
    client.sandbox.control.inject("wrong_shape", shape=shape, path="assignment_groups")

    response = await client(GROUPS)

    assert response.status == 200
    assert response.body == WRONG_SHAPES[shape]
    assert not (
        isinstance(response.json, list)
        and any(isinstance(row, dict) and "id" in row for row in response.json)
    )


def test_an_unknown_shape_is_an_error(client: SandboxClient) -> None:
    with pytest.raises(ValueError, match="no such shape"):
        client.sandbox.control.inject("wrong_shape", shape="circle")


async def test_pages_of_fewer_large_rows_are_smaller(client: SandboxClient) -> None:
    expected = (await client(GROUPS)).json
    client.sandbox.control.inject("large_rows", times=None, bytes=100_000)

    whole = await client(GROUPS)
    pages = await client.pages(GROUPS.replace("per_page=100", "per_page=1"))

    rows = [row for page in pages for row in page.json]
    assert len(whole.body) > 400_000
    assert all(len(page.body) < 150_000 for page in pages)
    assert [row["name"] for row in rows] == [row["name"] for row in expected]
    assert len(pages) == 4


async def test_numbers_can_be_sent_as_text(client: SandboxClient) -> None:
    plain = (await client(GROUPS)).json
    client.sandbox.control.inject("numbers_as_text")
    text = (await client(GROUPS)).json

    place, first = next(
        (place, item)
        for place, item in enumerate(plain[0]["assignments"])
        if item["submission"].get("score") is not None
    )
    as_text = text[0]["assignments"][place]
    assert as_text["points_possible"] == str(first["points_possible"])
    assert as_text["submission"]["score"] == str(first["submission"]["score"])
    assert as_text["submission"]["late"] is first["submission"]["late"]
    assert as_text["unlock_at"] is None


async def test_a_page_can_be_capped(client: SandboxClient) -> None:
    client.sandbox.control.inject("page_cap", times=None, items=4)

    pages = await read_ids(client, "/courses?per_page=100")

    assert [len(page) for page in pages] == [4, 2]


async def test_a_capped_page_may_be_smaller_by_request(client: SandboxClient) -> None:
    client.sandbox.control.inject("page_cap", times=None, items=4)

    assert [len(page) for page in await read_ids(client, "/courses?per_page=3")] == [3, 3]


async def test_an_inserted_row_moves_another_to_the_next_page_again(
    client: SandboxClient,
) -> None:
    correct = await read_ids(client, "/courses?per_page=3")
    client.sandbox.control.inject("shifted_page", times=None, by=1)
    shifted = await read_ids(client, "/courses?per_page=3")

    assert shifted[0] == correct[0]
    assert shifted[1][0] == correct[0][-1]
    assert [id_ for page in shifted for id_ in page].count(correct[0][-1]) == 2
    assert {id_ for page in shifted for id_ in page} == {id_ for page in correct for id_ in page}


async def test_a_removed_row_moves_another_to_no_page(client: SandboxClient) -> None:
    correct = await read_ids(client, "/courses?per_page=3")
    client.sandbox.control.inject("shifted_page", by=-1)
    shifted = await read_ids(client, "/courses?per_page=3")

    assert shifted == [correct[0], correct[1][1:]]
    assert await read_ids(client, "/courses?per_page=3") == correct


async def test_a_first_page_does_not_use_up_a_shift(client: SandboxClient) -> None:
    client.sandbox.control.inject("shifted_page", by=-1)

    await client("/courses?per_page=3&page=1")
    await client("/courses?per_page=100")
    second = await client("/courses?per_page=3&page=2")

    assert len(second.json) == 2


async def test_links_can_name_another_host(client: SandboxClient) -> None:
    correct = (await client("/courses?per_page=3&include[]=term")).links
    client.sandbox.control.inject("links_elsewhere", to="http://canvas.internal:8080")
    moved = (await client("/courses?per_page=3&include[]=term")).links

    origin = client.sandbox.url
    assert {
        rel: url.replace("http://canvas.internal:8080", origin) for rel, url in moved.items()
    } == (correct)
    assert all(url.startswith("http://canvas.internal:8080/api/v1/") for url in moved.values())


async def test_faults_can_be_selected_by_query(client: SandboxClient) -> None:
    client.sandbox.control.inject("error_500", query=r"enrollment_state=completed")

    assert (await client("/courses?enrollment_state=active")).status == 200
    assert (await client("/courses?enrollment_state=completed")).status == 500


async def test_faults_with_details_work_over_http(client: SandboxClient) -> None:
    body: dict[str, Any] = {"kind": "wrong_shape", "shape": "null", "path": "assignment_groups"}
    async with client.session.post(
        f"{client.sandbox.url}/sandbox/inject", data=orjson.dumps(body)
    ) as response:
        assert response.status == 200

    assert (await client(GROUPS)).json is None
