"""CSV files that no spreadsheet program executes, made in chunks."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from interfaces.queries.take_out.as_csv import encode_csv, safe_cell
from interfaces.queries.take_out.as_json import encode_json
from interfaces.queries.take_out.taken_list import TakenList, in_pages


def pages_of(*documents: dict[str, Any], size: int = 2) -> AsyncIterator[list[bytes]]:
    return in_pages([orjson.dumps(document) for document in documents], size)


async def files_of(head: dict[str, Any], *parts: TakenList) -> dict[str, list[list[str]]]:
    content = b"".join([chunk async for chunk in encode_csv(head, parts)])
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return {
        name: list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
        for name in archive.namelist()
    }


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_text_that_begins_like_a_formula_gets_an_apostrophe(start: str) -> None:
    assert safe_cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (True, "true"), (-1.5, -1.5), (0, 0), ("a=b", "a=b"), ([{"a": 1}], '[{"a":1}]')],
)
def test_other_values_are_left_as_they_are(value: object, cell: object) -> None:
    assert safe_cell(value) == cell


async def test_members_of_objects_are_columns() -> None:
    rows = {"id": "1", "term": {"name": "=Fall"}, "names": ["ä", "b"], "left": "out"}
    part = TakenList("courses", ["id", "term.name", "names", "absent"], pages_of(rows, {"id": "2"}))
    files = await files_of({"id": "me", "roles": ["student"]}, part)
    assert files["courses.csv"] == [
        ["id", "term.name", "names", "absent"],
        ["1", "'=Fall", '["ä","b"]', ""],
        ["2", "", "", ""],
    ]
    assert files["account.csv"] == [["member", "value"], ["id", "me"], ["roles", '["student"]']]


async def test_an_object_that_is_a_column_stays_one() -> None:
    part = TakenList("history", ["payload"], pages_of({"payload": {"score": 1}}))
    files = await files_of({}, part)
    assert files["history.csv"] == [["payload"], ['{"score":1}']]


async def test_an_empty_list_has_a_header() -> None:
    files = await files_of({}, TakenList("syncs", ["id", "status"], pages_of()))
    assert files["syncs.csv"] == [["id", "status"]]


async def test_json_has_an_array_for_each_list() -> None:
    documents = [{"n": n} for n in range(5)]
    parts = [TakenList("a", [], pages_of(*documents)), TakenList("b", [], pages_of())]
    content = b"".join([chunk async for chunk in encode_json({"id": 1}, parts)])
    assert orjson.loads(content) == {"id": 1, "a": documents, "b": []}


async def test_chunks_do_not_grow_with_the_list() -> None:
    documents = [{"text": f"{n:0100d}"} for n in range(5000)]
    part = TakenList("a", ["text"], in_pages([orjson.dumps(each) for each in documents], 100))
    largest = max([len(chunk) async for chunk in encode_json({}, [part])])
    assert largest < 20_000
