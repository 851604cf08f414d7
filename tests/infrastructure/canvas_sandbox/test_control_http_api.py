"""The same levers over HTTP."""

from typing import Any

import orjson

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker


async def pull(ask: Asker, operation: str, **arguments: Any) -> tuple[int, Any]:
    url = f"{ask.sandbox.url}/sandbox/{operation}"
    async with ask.session.post(url, data=orjson.dumps(arguments)) as answer:
        return answer.status, orjson.loads(await answer.read())


async def look(ask: Asker, path: str) -> Any:
    async with ask.session.get(f"{ask.sandbox.url}/sandbox{path}") as answer:
        return orjson.loads(await answer.read())


async def test_every_operation_is_listed_with_its_sentence(ask: Asker) -> None:
    listed = (await look(ask, ""))["result"]

    public = {name for name in dir(ask.sandbox.control) if not name.startswith("_")}
    assert listed.keys() == public
    assert "posted: bool = True" in listed["set_grade"]


async def test_a_grade_is_set_and_seen(ask: Asker) -> None:
    done = await pull(ask, "set_grade", assignment_id="10000", score=1.5, student=1)

    items = (await look(ask, "/assignments?course_id=1001&student=1"))["result"]
    assert done == (200, {"result": None})
    assert next(item["score"] for item in items if item["id"] == "10000") == 1.5


async def test_faults_and_counters(ask: Asker) -> None:
    await pull(ask, "inject", kind="redirect", to="http://127.0.0.1:1/")

    told = await ask("/courses")

    assert told.headers["Location"] == "http://127.0.0.1:1/"
    assert (await look(ask, "/counters"))["result"]["statuses"] == {"302": 1}
    assert len((await look(ask, "/requests"))["result"]) == 1


async def test_what_does_not_work_says_why(ask: Asker) -> None:
    assert (await pull(ask, "_touch"))[0] == 404
    assert (await pull(ask, "rename_course", course_id="5", name="X"))[0] == 404
    assert (await pull(ask, "post_grades", assignment_id="10000", student=9))[0] == 404
    assert (await pull(ask, "set_grade", score=1))[0] == 400
    assert (await pull(ask, "inject", kind="earthquake"))[0] == 400
    assert "error" in await look(ask, "/set_grade?assignment_id=10000")


async def test_levers_are_no_requests_to_canvas(ask: Asker) -> None:
    await pull(ask, "counters")

    assert ask.sandbox.control.counters()["requests"] == 0
