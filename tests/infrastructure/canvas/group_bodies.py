"""Bodies of lists of assignment groups, usual and damaged, and what the parsers make of them."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from domain.canvas import Assignment, AssignmentGroup
from infrastructure.canvas.group_decoder import GroupDecoder
from infrastructure.canvas.missing_parts import MissingParts
from infrastructure.canvas.parse_assignment import parse_assignment, parse_group
from infrastructure.canvas.response_body import decode_json
from infrastructure.canvas.typed_records import assignment_records, group_record
from tests.infrastructure.canvas.rows import assignment_row, group_row, submission_row

Records = tuple[list[AssignmentGroup], list[Assignment]]

EXAMPLES = Path(__file__).parent / "bodies"
PARTS = [{"tag": "reply_to_topic", "due_at": "2026-09-11T05:59:59Z", "points_possible": 5}]
WHOLE_NUMBERS = [0, 1, -1, 10**15, 2**31, 2**53 + 1, 2**63, 10**30]
FLOATS = [3.0, 2.5, -0.0, 1e-320, float("nan"), float("inf")]
NUMBERS_AS_TEXT = ["", " ", "0", "93.5", "1e5", "1\n2"]
LONG_TEXTS = ["x" * 100, "x" * 101, "x" * 1_001, f"https://{'x' * 2_000}"]
UNUSUAL_TEXTS = ["https://x", "javascript:x", "\u00c4", "\U0001f600", "\u200d", "unpublished"]
UNSAFE_TEXTS = ["a\u202eb", "a\x07b", "a\x7fb", "a\u2028b", "a\nb"]
DAYS = ["2024-02-29", "2026-02-29", "2026-04-31", "2026-01-31", "0000-01-01"]
TIMES = ["2026-09-01", "2026-09-01T05:59:59.123Z", "2026-09-01T05:59:59+02:00"]
LISTS = [[], [None], ["discussion_topic"], PARTS, [submission_row()], [1, "2", 3.5]]
OBJECTS = [{}, submission_row(), {"drop_lowest": 1, "drop_highest": "1", "never_drop": ["5", 6]}]
ODD_VALUES: list[Any] = [
    *[None, True, False],
    *WHOLE_NUMBERS,
    *FLOATS,
    *NUMBERS_AS_TEXT,
    *LONG_TEXTS,
    *UNUSUAL_TEXTS,
    *UNSAFE_TEXTS,
    *(f"{day}T23:59:59Z" for day in DAYS),
    *TIMES,
    *LISTS,
    *OBJECTS,
]
ODD_BYTES = [
    *[b"", b" ", b"NaN", b"-Infinity", b"1e400", b"-0", b"01", b"1.", b"null", b"[" * 1_100],
    *[
        b'"',
        b",",
        b":",
        b"}",
        b"]",
        b"[]",
        b"{}",
        b"\\",
        b"\\u0026",
        b"\\u202e",
        b"\\ud800",
        b"\\n",
    ],
    *[b"\x00", b"\xff", b"\xed\xa0\x80", b'"x":"\xff",', b'"x":NaN,', b'"id":7,', b'"id":"7",'],
]


def usual_group() -> dict[str, Any]:
    """A group with assignments of all kinds that have the usual form."""
    module_lock = {"context_module": {"id": "1", "items": [1]}, "unlock_at": "2026-09-01T00:00:00Z"}
    return group_row(
        "11",
        assignment_row("1"),
        assignment_row("2", submission=None, score_statistics={"min": 1, "max": 9.5, "mean": 4}),
        assignment_row("3", submission=submission_row(score=None, grade=None, excused=True)),
        assignment_row("4", due_at="2026-10-31T05:59:59Z", submission_types=["discussion_topic"]),
        assignment_row(
            "5", locked_for_user=True, lock_explanation="<b>Soon</b>", lock_info=module_lock
        ),
        assignment_row("7752~6", name="Übung 1", checkpoints=[], has_sub_assignments=False),
    ) | {"rules": {"drop_lowest": 1, "never_drop": ["1", 2]}}


def with_text_ids(value: Any, key: str = "") -> Any:
    """The value with ids as text, as Canvas sends them if asked to."""
    if isinstance(value, dict):
        return {name: with_text_ids(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_text_ids(inner, key) for inner in value]
    return str(value) if isinstance(value, int) and key.endswith("id") else value


def encode(rows: Any) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "surrogatepass")


@st.composite
def damaged_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Two groups with some values replaced, added or removed."""
    groups = [usual_group(), usual_group() | {"id": "12"}]
    submissions = [row["submission"] for row in groups[0]["assignments"] if row["submission"]]
    objects = [*groups, *groups[0]["assignments"], *submissions]
    for _ in range(draw(st.integers(0, 3))):
        damaged = draw(st.sampled_from(objects))
        key = draw(
            st.sampled_from([*damaged, "score_statistics", "checkpoints", "lock_info", "rules"])
        )
        if draw(st.integers(0, 9)):
            damaged[key] = draw(st.sampled_from(ODD_VALUES))
        else:
            damaged.pop(key, None)
    return groups


@st.composite
def damaged_bodies(draw: st.DrawFn) -> bytes:
    """A body with some of its bytes replaced."""
    body = encode(draw(damaged_rows()))
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 10]))
        body = body[:start] + draw(st.sampled_from(ODD_BYTES)) + body[end:]
    return body


def typed_records(body: bytes) -> Records | None:
    """Return the records of the typed rows; None if the body has another form."""
    rows = GroupDecoder().decode(body)
    if rows is None:
        return None
    return [group_record(row) for row in rows], [
        record for row in rows for record in assignment_records(row)
    ]


async def parsed_records(body: bytes) -> Records:
    """Return the records that the parsers make of any JSON, if no part is missing.

    Raises an error if a row is not what it should be, or if parts have to be requested.
    """
    groups, assignments, missing = [], [], MissingParts()
    for row in await decode_json(body):
        group = parse_group(row)
        if group is None:
            raise ValueError("not a group")
        groups.append(group)
        for assignment_json in row["assignments"]:
            assignment = parse_assignment(assignment_json, group, "42")
            if assignment is None:
                raise ValueError("not an assignment")
            assignments.append(assignment)
            missing.inspect(assignment_json)
    no_api: Any = None
    await missing.fetch(no_api, no_api, "101", ())
    return groups, assignments
