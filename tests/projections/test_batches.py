"""The rows of every read model do not depend on how the log is divided into batches."""

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from domain.course_diff import is_readable
from domain.events import (
    ConnectionClosed,
    CourseFetched,
    CourseUnlisted,
    CourseWithdrawn,
    GradeChanged,
    PersonErased,
)
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.projections.event_builders import RandomHistory
from tests.projections.table_contents import build_and_dump, random_batches

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("seed", range(6))
def test_the_rows_do_not_depend_on_the_batch_size(
    connection: Connection, model: RegisteredReadModel, seed: int
) -> None:
    events = RandomHistory(seed).generate(150)
    one_by_one = build_and_dump(connection, model, "one_by_one", ([event] for event in events))
    in_batches = build_and_dump(connection, model, "in_parts", random_batches(events, Random(seed)))
    at_once = build_and_dump(connection, model, "at_once", [events])
    assert any(one_by_one[table] for table in model.tables)
    assert one_by_one == in_batches == at_once


def test_the_random_histories_contain_every_event_type_and_situation() -> None:
    events = [recorded.event for seed in range(6) for recorded in RandomHistory(seed).generate(150)]
    generated = {type(event) for event in events}
    assert {ConnectionClosed, PersonErased, CourseWithdrawn, CourseUnlisted} <= generated
    assert {subscribed for model in READ_MODELS for subscribed in model.subscribes_to} <= generated
    fetched = [event for event in events if isinstance(event, CourseFetched)]
    courses = [event.course for event in fetched]
    assignments = [item for event in fetched for item in event.assignments]
    assert {course["role"] for course in courses} == {"student", "ta"}
    assert {(course["state"], course["ended"]) for course in courses} == {
        ("active", False),
        ("concluded", True),
        ("restricted", False),
        ("restricted", True),
    }
    for situation in (
        any(not event.complete and is_readable(event.course) for event in fetched),
        any(event.groups for event in fetched),
        any(course["grading_period"] for course in courses),
        any(course["grades_hidden"] for course in courses),
        any(item["parts"] for item in assignments),
        any(not item["published"] for item in assignments),
        any(item["locked_by"] == "module" for item in assignments),
        any(isinstance(event, GradeChanged) and not event.course_name for event in events),
    ):
        assert situation
