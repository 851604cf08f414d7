"""The iCalendar document of due dates: what calendar programs read in it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from interfaces.queries.calendar_feed import (
    DONE_TEXTS,
    NOT_PLAIN,
    _part_name,
    calendar_entity_tag,
    encode_calendar,
)
from projections.assignments.due_dates import DatedAssignment, DatedPart, Done

DUE = datetime(2026, 9, 1, 5, 59, 59, tzinfo=UTC)
LINK = "https://school.instructure.com/courses/9007199254740995/assignments/1"
ESSAY = DatedAssignment(
    assignment_id=UUID("b7a90d3e-52f4-5e0c-93d1-6a5b4c3d2e1f"),
    course_name="Physics for everyone",
    course_code="PHYS-1",
    name="Essay on light",
    due_at=DUE,
    points_possible=10.0,
    done=None,
    parts=(),
    html_url=LINK,
    changes=3,
    updated_at=datetime(2026, 8, 20, 7, 30, 1, 250_000, tzinfo=UTC),
)
TOPIC = DatedPart("reply_to_topic", "Reply to topic", DUE, 4.5, "submitted")
REPLIES = DatedPart("reply_to_entry", "Required replies", DUE + timedelta(days=3), 5.5, None)
DISCUSSION = ESSAY._replace(name="Discussion", parts=(TOPIC, REPLIES))


def parse(*assignments: DatedAssignment) -> Any:
    """Read a document back, as a calendar program does."""
    document = encode_calendar(assignments)
    calendar = Calendar.from_ical(document)
    assert document.endswith(b"\r\n")
    assert max(map(len, document.split(b"\r\n"))) <= 75
    return calendar


def events(*assignments: DatedAssignment) -> list[Any]:
    found = parse(*assignments).walk("VEVENT")
    assert [event.errors for event in found] == [[]] * len(found)
    return list(found)


def test_the_calendar_has_a_name_and_the_interval_to_read_it_again() -> None:
    calendar = parse(ESSAY)
    assert str(calendar["name"]) == str(calendar["x-wr-calname"]) == "Canvas due dates"
    assert calendar["refresh-interval"].dt == timedelta(hours=2)
    assert calendar["x-published-ttl"] == "PT2H"
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    assert calendar["prodid"]
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT2H\r\n" in encode_calendar([])


def test_an_assignment_is_an_event_at_its_due_date_with_its_course_and_a_link() -> None:
    [event] = events(ESSAY)
    assert event["uid"] == "b7a90d3e-52f4-5e0c-93d1-6a5b4c3d2e1f@easeboard"
    assert event["summary"] == "Essay on light [PHYS-1]"
    assert event["description"] == f"Physics for everyone\n10 points\n{LINK}"
    assert (event["url"], list(event["categories"].cats)) == (LINK, ["PHYS-1"])
    assert event["dtstart"].dt == event.start == event.end == DUE
    assert "dtend" not in event
    assert "duration" not in event
    assert (
        event["dtstamp"].dt == event["last-modified"].dt == ESSAY.updated_at.replace(microsecond=0)
    )
    assert event["sequence"] == 3
    assert (event["status"], event["transp"]) == ("CONFIRMED", "TRANSPARENT")


def test_a_moved_due_date_moves_the_same_event() -> None:
    moved = ESSAY._replace(due_at=DUE + timedelta(days=2), changes=4)
    [before], [after] = events(ESSAY), events(moved)
    assert before["uid"] == after["uid"]
    assert (after["dtstart"].dt, after["sequence"]) == (DUE + timedelta(days=2), 4)


@pytest.mark.parametrize("done", get_args(Done))
def test_what_is_done_is_marked(done: Done) -> None:
    [event] = events(ESSAY._replace(done=done))
    assert event["summary"] == "✓ Essay on light [PHYS-1]"
    assert event["description"].splitlines()[0] == DONE_TEXTS[done]
    assert (event["status"], event["transp"]) == ("CONFIRMED", "TRANSPARENT")


def test_dated_parts_are_entries_of_their_own_instead_of_the_whole() -> None:
    topic, replies = events(DISCUSSION)
    assert topic["uid"] == f"{DISCUSSION.assignment_id}-reply_to_topic@easeboard"
    assert topic["summary"] == "✓ Discussion: Reply to topic [PHYS-1]"
    assert topic["description"].startswith("Submitted\nPhysics for everyone\n4.5 points\n")
    assert replies["uid"] == f"{DISCUSSION.assignment_id}-reply_to_entry@easeboard"
    assert replies["summary"] == "Discussion: Required replies [PHYS-1]"
    assert replies["dtstart"].dt == DUE + timedelta(days=3)


def test_parts_that_have_the_name_of_the_whole_are_named_by_their_tag() -> None:
    other = TOPIC._replace(tag="peer_review", name="Discussion", done=None)
    parts = (*(part._replace(name="Discussion", done=None) for part in DISCUSSION.parts), other)
    found = {event["summary"] for event in events(DISCUSSION._replace(parts=parts))}
    assert found == {
        "Discussion: Reply to topic [PHYS-1]",
        "Discussion: Required replies [PHYS-1]",
        "Discussion: peer review [PHYS-1]",
    }


def test_a_part_without_a_date_is_no_entry_and_without_any_date_there_is_the_whole() -> None:
    undated = REPLIES._replace(due_at=None)
    assert [event["uid"] for event in events(DISCUSSION._replace(parts=(TOPIC, undated)))] == [
        f"{DISCUSSION.assignment_id}-reply_to_topic@easeboard"
    ]
    [whole] = events(DISCUSSION._replace(parts=(undated,)))
    assert whole["uid"] == f"{DISCUSSION.assignment_id}@easeboard"


def test_an_undated_assignment_is_no_entry() -> None:
    assert events(ESSAY._replace(due_at=None)) == []


def test_a_course_without_a_code_is_named_and_points_may_be_unknown() -> None:
    [event] = events(ESSAY._replace(course_code=" ", points_possible=None))
    assert event["summary"] == "Essay on light [Physics for everyone]"
    assert event["description"] == f"Physics for everyone\n{LINK}"


@pytest.mark.parametrize(
    ("points", "text"), [(0.0, "0"), (1_000_000.0, "1000000"), (33.333333, "33.33"), (0.5, "0.5")]
)
def test_points_are_readable(points: float, text: str) -> None:
    [event] = events(ESSAY._replace(points_possible=points))
    assert event["description"].splitlines()[1] == f"{text} points"


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "https://x/\r\nEVIL:1", "https://x/a b", "ftp://x/"]
)
def test_only_a_web_link_is_a_link(url: str | None) -> None:
    [event] = events(ESSAY._replace(html_url=url))
    assert "url" not in event
    assert event["description"] == "Physics for everyone\n10 points"


def test_the_document_is_the_same_for_the_same_due_dates_in_any_order() -> None:
    other = ESSAY._replace(assignment_id=UUID(int=1))
    document = encode_calendar([ESSAY, other, DISCUSSION._replace(assignment_id=UUID(int=2))])
    assert document == encode_calendar(
        [DISCUSSION._replace(assignment_id=UUID(int=2)), other, ESSAY]
    )
    starts = [event["dtstart"].dt for event in events(ESSAY, other, DISCUSSION)]
    assert starts == sorted(starts)


def test_a_due_date_with_another_offset_is_in_utc() -> None:
    denver = timezone(timedelta(hours=-6))
    assert b"DTSTART:20260901T055959Z\r\n" in encode_calendar(
        [ESSAY._replace(due_at=DUE.astimezone(denver))]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Essay"},
        {"course_name": "Physics"},
        {"course_code": "PHYS-2"},
        {"due_at": DUE + timedelta(minutes=1)},
        {"points_possible": 11.0},
        {"done": "graded"},
        {"parts": (TOPIC,)},
        {"html_url": None},
        {"changes": 4},
        {"updated_at": DUE},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_entity_tag_changes_with_everything_that_the_document_shows(
    change: dict[str, Any],
) -> None:
    tag = calendar_entity_tag([ESSAY])
    assert tag == calendar_entity_tag([ESSAY._replace()])
    changed = ESSAY._replace(**change)
    assert encode_calendar([changed]) != encode_calendar([ESSAY])
    assert calendar_entity_tag([changed]) != tag
    assert calendar_entity_tag([ESSAY, changed]) != calendar_entity_tag([changed])


def test_a_backslash_before_an_n_is_kept() -> None:
    [event] = events(ESSAY._replace(name=r"C:\Notes\new, \\N; \N"))
    assert event["summary"] == r"C:\Notes\new, \\N; \N [PHYS-1]"


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text('\\nN;,:"\r\n\t %^[]=BEGINDVT', max_size=40),
    st.sampled_from(
        ["\r\nBEGIN:VALARM\r\n", "END:VEVENT", "a\x00b\x85c\u2028d", "e\u0301 🧑‍🔬" * 30]
    ),
)
TIMES = st.datetimes(
    datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001  # naive bounds
)  # fmt: skip
PARTS = st.builds(
    DatedPart,
    tag=TEXTS,
    name=TEXTS,
    due_at=st.none() | TIMES,
    points_possible=st.none() | st.floats(0, 1e6),
    done=st.none() | st.sampled_from(get_args(Done)),
)
ASSIGNMENTS = st.builds(
    DatedAssignment,
    assignment_id=st.uuids(),
    course_name=TEXTS,
    course_code=TEXTS,
    name=TEXTS,
    due_at=TIMES,
    points_possible=st.none() | st.floats(0, 1e6),
    done=st.none() | st.sampled_from(get_args(Done)),
    parts=st.lists(PARTS, max_size=2).map(tuple),
    html_url=st.none() | TEXTS | st.just(LINK),
    changes=st.integers(0, 2**31 - 1),
    updated_at=TIMES,
)


def plain(text: str) -> str:
    return NOT_PLAIN.sub(" ", text).strip()


@given(ASSIGNMENTS)
def test_texts_of_canvas_are_read_back_and_add_no_line(assignment: DatedAssignment) -> None:
    found = events(assignment)
    dated = [part for part in assignment.parts if part.due_at]
    assert len(found) == (len(dated) or 1)
    names = [f"{assignment.name}: {_part_name(part, assignment)}" for part in dated]
    names = names or [assignment.name]
    course = plain(assignment.course_code) or plain(assignment.course_name)
    assert sorted(event["summary"].removeprefix("✓ ") for event in found) == sorted(
        f"{plain(name)} [{course}]" for name in names
    )
    for event in found:
        assert event.subcomponents == []
        assert list(event["categories"].cats) == [course]
        assert plain(assignment.course_name) in event["description"].split("\n")
        assert event["sequence"] == assignment.changes
        assert set(event) <= {
            "UID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "DTSTART", "SUMMARY", "DESCRIPTION",
            "CATEGORIES", "STATUS", "TRANSP", "URL",
        }  # fmt: skip
