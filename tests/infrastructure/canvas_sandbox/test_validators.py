"""ETags, compression and what ticks meanwhile."""

import asyncio
import gzip
import time
from datetime import UTC, datetime

import aiohttp

from infrastructure.canvas_sandbox.body_template import Template, tick
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    EVERYTHING,
    GROUPS,
    Asker,
    asking,
    until,
)

ADVANCED = 90


async def test_an_unchanged_body_is_not_sent_again(ask: Asker) -> None:
    first = await ask(f"/courses/1001/{GROUPS}")
    etag = first.headers["ETag"]

    again = await ask(f"/courses/1001/{GROUPS}", If_None_Match=etag)

    assert etag.startswith('W/"')
    assert first.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert ask.sandbox.control.counters()["not_modified"] == 1


async def test_a_304_is_charged_like_any_answer(ask: Asker) -> None:
    etag = (await ask("/courses")).headers["ETag"]

    again = await ask("/courses", If_None_Match=etag)

    assert "X-Request-Cost" in again.headers
    assert "X-Rate-Limit-Remaining" in again.headers


async def test_a_missing_assignment_ticks_and_breaks_the_validator(ask: Asker) -> None:
    before = await ask(f"/courses/1001/{GROUPS}")
    ask.sandbox.control.advance_clock(ADVANCED)
    after = await ask(f"/courses/1001/{GROUPS}", If_None_Match=before.headers["ETag"])

    def late(told: list[dict[str, list[dict[str, dict[str, int]]]]]) -> list[int]:
        items = [item for group in told for item in group["assignments"]]
        return [item["submission"]["seconds_late"] for item in items if "submission" in item]

    moved = {b - a for a, b in zip(late(before.json), late(after.json), strict=True)}
    assert after.status == 200
    assert moved == {0, ADVANCED}


async def test_without_the_ticking_field_the_validator_holds(ask: Asker) -> None:
    path = f"/courses/1001/{GROUPS}&exclude_response_fields[]=seconds_late"
    before = await ask(path)
    ask.sandbox.control.advance_clock(ADVANCED)

    assert (await ask(path, If_None_Match=before.headers["ETag"])).status == 304


async def test_a_due_date_that_passes_flips_to_missing_without_a_write(ask: Asker) -> None:
    control = ask.sandbox.control
    added = int(control.add_assignment(1001, "Tonight", due_at="2026-10-15T15:01:00Z"))
    before = (await ask.assignments(1001))[added]["submission"]
    control.advance_clock(61)
    after = (await ask.assignments(1001))[added]["submission"]

    assert (before["missing"], before["seconds_late"]) == (False, 0)
    assert (after["missing"], after["seconds_late"]) == (True, 1)


async def test_a_lock_that_opens_shows_the_description(ask: Asker) -> None:
    locked = next(item for item in (await ask.assignments(1001)).values() if item["unlock_at"])
    opens = datetime.fromisoformat(locked["unlock_at"])
    waits = opens - datetime(2026, 10, 15, 15, 0, tzinfo=UTC)

    ask.sandbox.control.advance_clock(int(waits.total_seconds()) + 1)

    opened = (await ask.assignments(1001))[locked["id"]]
    assert (opened["locked_for_user"], "lock_info" in opened) == (False, False)
    assert opened["description"]


async def test_signed_addresses_move_with_the_clock(ask: Asker) -> None:
    before = await ask.course(1001)
    ask.sandbox.control.advance_clock(1)
    after = await ask.course(1001)

    assert before.pop("image_download_url") != after.pop("image_download_url")
    assert before == after


async def test_time_goes_by_on_its_own() -> None:
    async with asking(now=None) as ask:
        first = await ask(f"/courses/1001/{GROUPS}")
        then = time.time() + 1
        await until(lambda: time.time() > then)
        second = await ask(f"/courses/1001/{GROUPS}", If_None_Match=first.headers["ETag"])

    assert second.status == 200


async def test_the_planner_is_validated_before_any_work(ask: Asker) -> None:
    path = "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    before = await ask(path)
    etag = before.headers["ETag"]
    ask.sandbox.control.advance_clock(ADVANCED)

    assert (await ask(path, If_None_Match=etag)).status == 304
    ask.sandbox.control.move_due_date(10_001, "2026-11-01T00:00:00Z")
    assert (await ask(path, If_None_Match=etag)).status == 200


async def test_only_ones_own_work_and_courses_break_a_planners_validator(ask: Asker) -> None:
    path = "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    etag = (await ask(path)).headers["ETag"]

    ask.sandbox.control.set_grade(10_001, score=3.0, student=1)
    assert (await ask(path, If_None_Match=etag)).status == 304
    ask.sandbox.control.set_grade(10_001, score=3.0)
    assert (await ask(path, If_None_Match=etag)).status == 200


async def test_one_students_validators_are_not_anothers(ask: Asker) -> None:
    path = "/planner/items"
    etags = {(await ask(path, student=student)).headers["ETag"] for student in (0, 1)}

    assert len(etags) == 2


async def test_compressed_and_plain_say_the_same() -> None:
    async with asking() as ask, aiohttp.ClientSession(auto_decompress=False) as raw:
        token = ask.sandbox.tokens[0]["token"]
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        url = f"{ask.sandbox.url}/api/v1/courses/1001/{GROUPS}"
        async with raw.get(url, headers=headers) as answer:
            squeezed = await answer.read()
        plain = await ask(f"/courses/1001/{GROUPS}", Accept_Encoding="identity")
        small = await ask("/users/self")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in small.headers
    assert gzip.decompress(squeezed) == plain.body
    assert len(squeezed) < len(plain.body) / 4


def test_a_template_serialises_once_and_ticks_anyway() -> None:
    template = Template(
        [{"late": tick("late", n), "about": "a & b"} for n in (1, 2)], string_ids=False
    )

    filled = template.filled(lambda hole: hole.replace("late:", "10").encode())

    assert filled.plain() == (
        b'[{"late":101,"about":"a \\u0026 b"},{"late":102,"about":"a \\u0026 b"}]'
    )
    assert gzip.decompress(filled.gzipped()) == filled.plain()


async def test_header_names_are_lower_case(ask: Asker) -> None:
    token = ask.sandbox.tokens[0]["token"]
    host, port = ask.sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /api/v1/courses?{EVERYTHING} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
    writer.close()

    names = [line.partition(":")[0] for line in head]
    assert names == [name.lower() for name in names]
    assert {"x-request-cost", "x-rate-limit-remaining", "link", "etag"} <= set(names)
