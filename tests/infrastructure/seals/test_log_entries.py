"""PostgreSQL makes the same bytes of a row as `encode_entry`, whatever is in it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.seals.entry import MAX_PART_BYTES, EntryMalformed, decode_entry
from infrastructure.seals.log_entries import WrongEncoding, read_entries, read_entries_at
from tests.infrastructure.seals.log_rows import burn_positions, expected_entries, insert_rows

INSERT = """
INSERT INTO easeboard.events (
    stream, version, topic, event_id, recorded_at, actor, correlation_id, causation_id, command_id,
    person_id, state
)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONG = "ä" * (MAX_PART_BYTES // 2)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
long_texts = texts | st.sampled_from(["", LONG, LONG + "a", LONG * 3])
times = st.one_of(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 2**52).map(lambda number: EPOCH + timedelta(microseconds=number)),
)
uuids = st.uuids() | st.just(UUID(int=0))
rows = st.tuples(
    uuids,
    st.integers(1, 2**63 - 1),
    long_texts,
    uuids,
    times,
    long_texts,
    st.none() | long_texts,
    st.none() | uuids,
    uuids,
    uuids,
    st.binary(max_size=5000),
)


def select_entries(url: str) -> list[tuple[int, bytes]]:
    with psycopg.connect(url) as connection:
        return read_entries(connection, 0, 2**63 - 1, 1000)


@given(st.lists(rows, max_size=8, unique_by=lambda row: row[:2]))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_entry_is_that_of_encode_entry(database_url: str, events: list[Any]) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM easeboard.events")
        connection.cursor().executemany(INSERT, events)
    assert select_entries(database_url) == expected_entries(database_url)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("infinity", 2**63 - 1),
        ("-infinity", -(2**63)),
        ("294276-12-31 23:59:59.999999Z", 2**63 - 1),
        ("12345-01-02 03:04:05.000006Z", 327403479845000006),
        ("4713-01-01 00:00:00Z BC", -210863520000000000),
    ],
)
def test_a_time_that_no_append_writes_has_an_entry(
    database_url: str, time: str, expected: int
) -> None:
    insert_rows(database_url, 1)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.events SET recorded_at = %s", [time])
    ((_, entry),) = select_entries(database_url)
    assert decode_entry(entry).recorded_at == expected


def test_a_null_where_there_can_be_none_is_no_error(database_url: str) -> None:
    insert_rows(database_url, 3)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        for column in ("topic", "state", "recorded_at"):
            connection.execute(
                f"ALTER TABLE easeboard.events ALTER COLUMN {column} DROP NOT NULL".encode()
            )
        connection.execute("UPDATE easeboard.events SET topic = NULL WHERE position = 1")
        connection.execute("UPDATE easeboard.events SET state = NULL WHERE position = 2")
        connection.execute("UPDATE easeboard.events SET recorded_at = NULL WHERE position = 3")
    entries = select_entries(database_url)
    assert [position for position, _ in entries] == [1, 2, 3]
    assert entries[0][1] == entries[1][1]
    with pytest.raises(EntryMalformed):
        decode_entry(entries[0][1])
    assert decode_entry(entries[2][1]).recorded_at == -(2**63)


def test_a_page_is_in_the_order_of_positions(database_url: str) -> None:
    first = insert_rows(database_url, 5)
    burn_positions(database_url, 3)
    positions = first + insert_rows(database_url, 5)
    with psycopg.connect(database_url) as connection:
        page = read_entries(connection, positions[1], positions[7], 100)
        assert [position for position, _ in page] == positions[2:8]
        assert read_entries(connection, positions[1], positions[7], 2) == page[:2]
        chosen = read_entries_at(connection, [positions[4], positions[2], 6, 10**6])
        assert chosen == [page[0], page[2]]


def test_another_encoding_is_refused(database_url: str) -> None:
    with (
        psycopg.connect(database_url, client_encoding="latin1") as connection,
        pytest.raises(WrongEncoding, match="UTF8"),
    ):
        read_entries(connection, 0, 1, 1)
