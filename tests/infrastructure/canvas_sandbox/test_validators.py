"""Tests of ETags, compression, and values that change with the clock."""

import asyncio
import gzip
import time
from datetime import UTC, datetime

import aiohttp

from infrastructure.canvas_sandbox.body_template import BodyTemplate, placeholder
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    ALL_INCLUDES,
    GROUPS_PATH,
    SandboxClient,
    open_sandbox_client,
    wait_until,
)

ADVANCE_SECONDS = 90


async def test_an_unchanged_body_is_not_modified(client: SandboxClient) -> None:
    first = await client(f"/courses/1001/{GROUPS_PATH}")
    etag = first.headers["ETag"]

    second = await client(f"/courses/1001/{GROUPS_PATH}", If_None_Match=etag)

    assert etag.startswith('W/"')
    assert first.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    assert (second.status, second.body, second.headers["ETag"]) == (304, b"", etag)
    assert client.sandbox.control.counters()["not_modified"] == 1


async def test_a_304_is_charged_like_any_response(client: SandboxClient) -> None:
    etag = (await client("/courses")).headers["ETag"]

    second = await client("/courses", If_None_Match=etag)

    assert "X-Request-Cost" in second.headers
    assert "X-Rate-Limit-Remaining" in second.headers


async def test_a_missing_assignment_changes_the_validator_with_time(client: SandboxClient) -> None:
    before = await client(f"/courses/1001/{GROUPS_PATH}")
    client.sandbox.control.advance_clock(ADVANCE_SECONDS)
    after = await client(f"/courses/1001/{GROUPS_PATH}", If_None_Match=before.headers["ETag"])

    def seconds_late(groups: list[dict[str, list[dict[str, dict[str, int]]]]]) -> list[int]:
        items = [item for group in groups for item in group["assignments"]]
        return [item["submission"]["seconds_late"] for item in items if "submission" in item]

    differences = {
        b - a for a, b in zip(seconds_late(before.json), seconds_late(after.json), strict=True)
    }
    assert after.status == 200
    assert differences == {0, ADVANCE_SECONDS}


async def test_without_the_changing_field_the_validator_is_stable(client: SandboxClient) -> None:
    path = f"/courses/1001/{GROUPS_PATH}&exclude_response_fields[]=seconds_late"
    before = await client(path)
    client.sandbox.control.advance_clock(ADVANCE_SECONDS)

    assert (await client(path, If_None_Match=before.headers["ETag"])).status == 304


async def test_a_submission_becomes_missing_when_the_due_date_passes(client: SandboxClient) -> None:
    control = client.sandbox.control
    added = int(control.add_assignment(1001, "Tonight", due_at="2026-10-15T15:01:00Z"))
    before = (await client.assignments(1001))[added]["submission"]
    control.advance_clock(61)
    after = (await client.assignments(1001))[added]["submission"]

    assert (before["missing"], before["seconds_late"]) == (False, 0)
    assert (after["missing"], after["seconds_late"]) == (True, 1)


async def test_an_opened_assignment_shows_its_description(client: SandboxClient) -> None:
    locked = next(item for item in (await client.assignments(1001)).values() if item["unlock_at"])
    opens = datetime.fromisoformat(locked["unlock_at"])
    wait = opens - datetime(2026, 10, 15, 15, 0, tzinfo=UTC)

    client.sandbox.control.advance_clock(int(wait.total_seconds()) + 1)

    opened = (await client.assignments(1001))[locked["id"]]
    assert (opened["locked_for_user"], "lock_info" in opened) == (False, False)
    assert opened["description"]


async def test_signed_urls_change_with_the_clock(client: SandboxClient) -> None:
    before = await client.course(1001)
    client.sandbox.control.advance_clock(1)
    after = await client.course(1001)

    assert before.pop("image_download_url") != after.pop("image_download_url")
    assert before == after


async def test_a_running_clock_changes_validators() -> None:
    async with open_sandbox_client(now=None) as client:
        first = await client(f"/courses/1001/{GROUPS_PATH}")
        one_second_later = time.time() + 1
        await wait_until(lambda: time.time() > one_second_later)
        second = await client(f"/courses/1001/{GROUPS_PATH}", If_None_Match=first.headers["ETag"])

    assert second.status == 200


async def test_the_planner_validator_ignores_the_clock(client: SandboxClient) -> None:
    path = "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    before = await client(path)
    etag = before.headers["ETag"]
    client.sandbox.control.advance_clock(ADVANCE_SECONDS)

    assert (await client(path, If_None_Match=etag)).status == 304
    client.sandbox.control.move_due_date(10_001, "2026-11-01T00:00:00Z")
    assert (await client(path, If_None_Match=etag)).status == 200


async def test_only_own_work_and_courses_change_a_planner_validator(client: SandboxClient) -> None:
    path = "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    etag = (await client(path)).headers["ETag"]

    client.sandbox.control.set_grade(10_001, score=3.0, student=1)
    assert (await client(path, If_None_Match=etag)).status == 304
    client.sandbox.control.set_grade(10_001, score=3.0)
    assert (await client(path, If_None_Match=etag)).status == 200


async def test_validators_differ_between_students(client: SandboxClient) -> None:
    path = "/planner/items"
    etags = {(await client(path, student=student)).headers["ETag"] for student in (0, 1)}

    assert len(etags) == 2


async def test_compressed_and_plain_bodies_are_equal() -> None:
    async with (
        open_sandbox_client() as client,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        token = client.sandbox.tokens[0]["token"]
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        url = f"{client.sandbox.url}/api/v1/courses/1001/{GROUPS_PATH}"
        async with session.get(url, headers=headers) as response:
            compressed = await response.read()
        plain = await client(f"/courses/1001/{GROUPS_PATH}", Accept_Encoding="identity")
        small = await client("/users/self")

    assert response.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in small.headers
    assert gzip.decompress(compressed) == plain.body
    assert len(compressed) < len(plain.body) / 4


def test_a_template_is_serialised_once_and_filled_each_time() -> None:
    body_template = BodyTemplate(
        [{"late": placeholder("late", n), "about": "a & b"} for n in (1, 2)], string_ids=False
    )

    filled = body_template.fill(
        lambda placeholder_name: placeholder_name.replace("late:", "10").encode()
    )

    assert filled.plain() == (
        b'[{"late":101,"about":"a \\u0026 b"},{"late":102,"about":"a \\u0026 b"}]'
    )
    assert gzip.decompress(filled.gzipped()) == filled.plain()


async def test_header_names_are_lower_case(client: SandboxClient) -> None:
    token = client.sandbox.tokens[0]["token"]
    host, port = client.sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /api/v1/courses?{ALL_INCLUDES} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    header_lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
    writer.close()

    names = [line.partition(":")[0] for line in header_lines]
    assert names == [name.lower() for name in names]
    assert {"x-request-cost", "x-rate-limit-remaining", "link", "etag"} <= set(names)


async def test_a_signed_picture_does_not_change_the_validator_of_the_planner(
    client: SandboxClient,
) -> None:
    before = await client("/planner/items?context_codes[]=course_1001")
    client.sandbox.control.advance_clock(1)
    after = await client("/planner/items?context_codes[]=course_1001")

    images = [response.json[0]["context_image"] for response in (before, after)]
    assert images[0] != images[1]
    assert images[0].partition("?")[0] == images[1].partition("?")[0]
    assert before.headers["ETag"] == after.headers["ETag"]
