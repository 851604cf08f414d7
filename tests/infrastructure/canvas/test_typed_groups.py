"""Tests that typed decoding makes the same records as the parsers, or leaves a body to them."""

import asyncio
import json
import marshal
from hashlib import blake2b
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings

from domain.digests import digest, groups_digest
from infrastructure.canvas.group_decoder import PARSER_VERSION, GroupDecoder
from tests.infrastructure.canvas.course_server import CourseServer
from tests.infrastructure.canvas.direct_api import read_course
from tests.infrastructure.canvas.group_bodies import (
    EXAMPLES,
    ODD_VALUES,
    damaged_bodies,
    damaged_rows,
    encode,
    parsed_records,
    typed_records,
    usual_group,
    with_text_ids,
)
from tests.infrastructure.canvas.rows import assignment_row, group_row

USUAL = encode([usual_group()])


def parse(body: bytes) -> Any:
    return asyncio.run(parsed_records(body))


def exact(records: Any) -> bytes:
    """Bytes that are equal only if keys, their order, values and types are equal."""
    return marshal.dumps(records, 2)


def test_a_body_of_the_usual_form_needs_no_parser() -> None:
    typed = typed_records(USUAL)
    assert typed is not None
    assert exact(typed) == exact(parse(USUAL))
    assert [record["canvas_id"] for record in typed[1]] == ["1", "2", "3", "4", "5", "7752~6"]


async def test_the_digests_of_typed_records_are_those_of_before() -> None:
    typed, parsed = typed_records(USUAL), await parsed_records(USUAL)
    assert typed is not None
    assert list(map(digest, typed[1])) == list(map(digest, parsed[1]))
    assert groups_digest(typed[0]) == groups_digest(parsed[0])


@settings(deadline=None, max_examples=300)
@given(damaged_bodies())
def test_typed_records_equal_those_of_the_parsers(body: bytes) -> None:
    typed = typed_records(body)
    if typed is not None:
        assert exact(typed) == exact(parse(body))


@pytest.mark.parametrize("level", ["group", "assignment", "submission"])
async def test_each_odd_value_of_each_field_is_recorded_as_before(level: str) -> None:
    compared = 0
    for value, key in product(ODD_VALUES, [*_level(usual_group(), level), "score_statistics"]):
        group = usual_group()
        _level(group, level)[key] = value
        body = encode([group])
        typed = typed_records(body)
        if typed is not None:
            compared += 1
            assert exact(typed) == exact(await parsed_records(body)), (key, value)
    assert compared > 50


def _level(group: dict[str, Any], level: str) -> dict[str, Any]:
    row: dict[str, Any] = group["assignments"][0]
    levels: dict[str, dict[str, Any]] = {
        "group": group,
        "assignment": row,
        "submission": row["submission"],
    }
    return levels[level]


@pytest.mark.parametrize(
    "field",
    [
        {"id": 5},
        {"due_at": "2026-09-01T05:59:59+02:00"},
        {"name": "x" * 1_001},
        {"name": "a\u202eb"},
        {"points_possible": "10"},
        {"submission": []},
        {"due_at": None, "submission_types": ["discussion_topic"]},
        {"checkpoints": [{"tag": "reply_to_topic"}]},
    ],
    ids=str,
)
def test_a_value_that_has_to_be_changed_is_left_to_the_parsers(field: dict[str, Any]) -> None:
    body = encode([group_row("11", assignment_row("1"), assignment_row("2", **field))])
    assert typed_records(body) is None


@pytest.mark.parametrize("folder", ["canvasapi", "doc-examples"])
async def test_examples_of_canvas_are_recorded_as_before(folder: str) -> None:
    for path in sorted((EXAMPLES / folder).glob("*.json")):
        example = json.loads(path.read_bytes())
        for each in [example, *(value for value in example.values() if isinstance(value, dict))]:
            shown = each.get("body", each)
            for rows in ([shown], [group_row("11", with_text_ids(shown))], with_text_ids(shown)):
                body = encode(rows)
                typed = typed_records(body)
                if typed is not None:
                    assert exact(typed) == exact(await parsed_records(body))


@settings(deadline=None, max_examples=100)
@given(damaged_rows(), damaged_rows())
@example([usual_group()], [usual_group() | {"name": "Exams"}])
def test_rows_with_equal_digests_have_equal_records(first: Any, second: Any) -> None:
    decoders = [GroupDecoder(), GroupDecoder()]
    bodies = [encode(first), encode(second)]
    for decoder, body in zip(decoders, bodies, strict=True):
        decoder.decode(body)
    digests = [decoder.work_digest for decoder in decoders]
    if digests[0] and digests[0] == digests[1]:
        records = [typed_records(body) for body in bodies]
        assert exact(_without_statistics(records[0])) == exact(_without_statistics(records[1]))


def _without_statistics(records: Any) -> Any:
    return records[0], [record | {"score_statistics": None} for record in records[1]]


def test_scores_of_others_and_fields_that_tick_do_not_change_the_digest() -> None:
    before, after = GroupDecoder(), GroupDecoder()
    statistics = {"score_statistics": {"min": 1, "max": 2, "mean": 1.5}}
    before.decode(encode([group_row("11", assignment_row("1"))]))
    after.decode(encode([group_row("11", assignment_row("1", anonymous=False, **statistics))]))
    assert before.work_digest == after.work_digest is not None


def test_a_known_list_is_not_checked_again_and_a_second_page_has_no_digest() -> None:
    decoder = GroupDecoder()
    assert decoder.work_digest is None
    decoder.decode(USUAL)
    known = GroupDecoder(decoder.work_digest)
    assert known.decode(USUAL) is not None
    assert known.work_digest == decoder.work_digest
    decoder.decode(USUAL)
    assert decoder.work_digest is None


def test_a_new_parser_needs_a_new_version() -> None:
    """If this fails, raise PARSER_VERSION: stored digests must not stand for other records."""
    typed = typed_records(USUAL)
    assert typed is not None
    records_digest = blake2b(exact(typed), digest_size=8).hexdigest()
    assert (PARSER_VERSION, records_digest) == (b"1", "91a92924b24989ff")


async def test_known_work_is_not_parsed_and_changed_work_is() -> None:
    server = CourseServer([usual_group()])
    work = await read_course(server)
    assert (work.is_known, len(work.assignments)) == (False, 6)
    again = await read_course(server, known_ids=["1"], known_digest=work.digest)
    assert again == ([], None, work.digest, True)
    server.groups[0]["assignments"][0]["submission"]["score"] = 3.0
    changed = await read_course(server, known_digest=work.digest)
    assert (changed.is_known, len(changed.assignments)) == (False, 6)
    assert changed.digest not in {None, work.digest}
