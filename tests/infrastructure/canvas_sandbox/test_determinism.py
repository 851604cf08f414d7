"""The same seed is the same Canvas, byte for byte."""

import time

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions
from tests.infrastructure.canvas_sandbox.sandbox_client import EVERYTHING, GROUPS, NOW, asking

PATHS = (
    "/users/self",
    f"/courses?per_page=100&{EVERYTHING}",
    f"/courses/1001/{GROUPS}",
    "/users/self/graded_submissions?per_page=100&include[]=assignment",
    "/planner/items?per_page=100",
)


async def bodies(*paths: str, **options: int) -> dict[str, bytes]:
    async with asking(**options) as ask:
        return {path: (await ask(path, student=1)).body for path in paths}


async def test_two_sandboxes_of_one_seed_say_the_same_whatever_is_asked_first() -> None:
    assert await bodies(*PATHS, seed=7) == await bodies(*reversed(PATHS), seed=7)


async def test_what_reading_moves_moves_the_same_way() -> None:
    paths = (f"/courses/1002/{GROUPS}", "/users/self/enrollments")

    assert await bodies(*paths) == await bodies(*paths)


async def test_another_seed_says_something_else() -> None:
    mine, other = await bodies(*PATHS, seed=7), await bodies(*PATHS, seed=8)

    assert not [path for path in PATHS if mine[path] == other[path]]


def test_tokens_belong_to_the_seed() -> None:
    def tokens(seed: int) -> list[str]:
        return [known["token"] for known in Sandbox(SandboxOptions(students=3, seed=seed)).tokens]

    assert tokens(7) == tokens(7)
    assert not set(tokens(7)) & set(tokens(8))
    assert {len(text) for text in tokens(7)} == {len("7752~") + 64}


def test_more_students_change_nothing_for_the_first() -> None:
    few, many = (Sandbox(SandboxOptions(students=n, now=NOW, restricted=True)) for n in (1, 40))

    assert few.tokens == many.tokens[:1]
    assert few.control.courses() == many.control.courses()
    assert len({known["name"] for known in many.tokens}) == 40


def test_a_large_student_is_there_in_a_moment() -> None:
    began = time.perf_counter()
    sandbox = Sandbox(SandboxOptions(courses=40, assignments=120, now=NOW, restricted=True))
    courses = sandbox.control.courses()

    assert sum(course["assignments"] for course in courses) == 4_800
    assert time.perf_counter() - began < 2.0
