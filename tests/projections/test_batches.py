"""The rows of every read model do not depend on how the log is divided into batches."""

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from domain.events import ConnectionClosed, CourseWithdrawn, PersonErased
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


def test_the_random_histories_contain_every_event_type() -> None:
    generated = {
        type(recorded.event) for seed in range(6) for recorded in RandomHistory(seed).generate(150)
    }
    assert {ConnectionClosed, PersonErased, CourseWithdrawn} <= generated
    assert {subscribed for model in READ_MODELS for subscribed in model.subscribes_to} <= generated
