"""However the log is cut into batches, the tables come out the same."""

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from domain.events import ConnectionClosed, CourseWithdrawn, PersonErased
from projections.registry import READ_MODELS, ReadModel
from tests.projections.event_builders import Wanderer
from tests.projections.table_contents import fill, in_parts

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("seed", range(6))
def test_one_by_one_in_parts_or_at_once(
    connection: Connection, model: ReadModel, seed: int
) -> None:
    events = Wanderer(seed).walk(150)
    one_by_one = fill(connection, model, "one_by_one", ([event] for event in events))
    in_some = fill(connection, model, "in_parts", in_parts(events, Random(seed)))
    at_once = fill(connection, model, "at_once", [events])
    assert any(one_by_one[table] for table in model.tables)
    assert one_by_one == in_some == at_once


def test_the_histories_hold_what_is_hard() -> None:
    kinds = {type(event.event) for seed in range(6) for event in Wanderer(seed).walk(150)}
    assert {ConnectionClosed, PersonErased, CourseWithdrawn} <= kinds
    assert {kind for model in READ_MODELS for kind in model.hears} <= kinds
