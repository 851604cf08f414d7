"""Tests that the same seed gives the same responses, byte for byte."""

import time

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions
from tests.deadlines import scaled
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    ALL_INCLUDES,
    GROUPS_PATH,
    NOW,
    open_sandbox_client,
)

PATHS = (
    "/users/self",
    f"/courses?per_page=100&{ALL_INCLUDES}",
    f"/courses/1001/{GROUPS_PATH}",
    "/users/self/graded_submissions?per_page=100&include[]=assignment",
    "/planner/items?per_page=100",
)


async def read_bodies(*paths: str, **options: int) -> dict[str, bytes]:
    async with open_sandbox_client(**options) as client:
        return {path: (await client(path, student=1)).body for path in paths}


async def test_the_same_seed_yields_the_same_bodies_in_any_request_order() -> None:
    assert await read_bodies(*PATHS, seed=7) == await read_bodies(*reversed(PATHS), seed=7)


async def test_side_effects_of_reading_are_deterministic() -> None:
    paths = (f"/courses/1002/{GROUPS_PATH}", "/users/self/enrollments")

    assert await read_bodies(*paths) == await read_bodies(*paths)


async def test_another_seed_yields_other_bodies() -> None:
    seven, eight = await read_bodies(*PATHS, seed=7), await read_bodies(*PATHS, seed=8)

    assert not [path for path in PATHS if seven[path] == eight[path]]


def test_tokens_depend_on_the_seed() -> None:
    def tokens(seed: int) -> list[str]:
        return [
            student["token"] for student in Sandbox(SandboxOptions(students=3, seed=seed)).tokens
        ]

    assert tokens(7) == tokens(7)
    assert not set(tokens(7)) & set(tokens(8))
    assert {len(text) for text in tokens(7)} == {len("7752~") + 64}


def test_more_students_do_not_change_the_first_one() -> None:
    few, many = (Sandbox(SandboxOptions(students=n, now=NOW, restricted=True)) for n in (1, 40))

    assert few.tokens == many.tokens[:1]
    assert few.control.courses() == many.control.courses()
    assert len({student["name"] for student in many.tokens}) == 40


def test_a_large_student_is_generated_quickly() -> None:
    started = time.perf_counter()
    sandbox = Sandbox(SandboxOptions(courses=40, assignments=120, now=NOW, restricted=True))
    courses = sandbox.control.courses()

    assert sum(course["assignments"] for course in courses) == 4_800
    assert time.perf_counter() - started < scaled(2.0)
