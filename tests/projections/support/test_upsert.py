"""One statement inserts new rows and updates existing ones."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from projections.support.upsert import Upsert

FIRST, SECOND, THIRD = (UUID(int=number) for number in range(1, 4))
OWNER, OTHER_OWNER = UUID(int=8), UUID(int=9)
COLUMNS = {
    "course_id": "uuid",
    "person_id": "uuid",
    "name": "text",
    "opened": "bigint",
    "score": "double precision",
}
COURSES = Upsert("courses", COLUMNS, key="course_id", kept=("opened",))
NEW_COURSES = Upsert("courses", COLUMNS)
COUNTED_COURSES = Upsert("courses", COLUMNS, key="course_id", summed=("opened",))


@pytest.fixture
def cursor(database_url: str) -> Iterator[psycopg.Cursor[Any]]:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TEMPORARY TABLE courses (
                course_id uuid PRIMARY KEY, person_id uuid NOT NULL, name text NOT NULL,
                opened bigint NOT NULL, score double precision
            )
            """
        )
        yield cursor


def fetch_courses(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    return cursor.execute("SELECT * FROM courses ORDER BY course_id").fetchall()


def test_new_rows_are_inserted_and_existing_rows_updated(cursor: psycopg.Cursor[Any]) -> None:
    COURSES.execute([(FIRST, OWNER, "Art", 1, 9.5), (SECOND, OWNER, "Music", 1, None)], cursor)
    COURSES.execute([(SECOND, OWNER, 'Mu"s%b', 1, 7.0), (THIRD, OWNER, "", 2, None)], cursor)
    assert fetch_courses(cursor) == [
        (FIRST, OWNER, "Art", 1, 9.5),
        (SECOND, OWNER, 'Mu"s%b', 1, 7.0),
        (THIRD, OWNER, "", 2, None),
    ]


def test_an_existing_row_keeps_its_owner_and_the_kept_columns(cursor: psycopg.Cursor[Any]) -> None:
    COURSES.execute([(FIRST, OWNER, "Art", 1, 9.5)], cursor)
    COURSES.execute([(FIRST, OTHER_OWNER, "Art II", 2, None)], cursor)
    assert fetch_courses(cursor) == [(FIRST, OWNER, "Art II", 1, None)]


def test_a_summed_column_is_added_to_that_of_an_existing_row(cursor: psycopg.Cursor[Any]) -> None:
    COUNTED_COURSES.execute([(FIRST, OWNER, "Art", 1, None)], cursor)
    COUNTED_COURSES.execute(
        [(FIRST, OWNER, "Art II", 2, None), (SECOND, OWNER, "Music", 1, None)], cursor
    )
    assert fetch_courses(cursor) == [
        (FIRST, OWNER, "Art II", 3, None),
        (SECOND, OWNER, "Music", 1, None),
    ]


def test_without_rows_no_statement_is_executed(cursor: psycopg.Cursor[Any]) -> None:
    cursor.execute("DROP TABLE courses")
    COURSES.execute([], cursor)


def test_without_a_key_an_existing_row_is_an_error(cursor: psycopg.Cursor[Any]) -> None:
    NEW_COURSES.execute([(FIRST, OWNER, "Art", 1, 9.5)], cursor)
    with pytest.raises(psycopg.errors.UniqueViolation):
        NEW_COURSES.execute([(FIRST, OWNER, "Art", 1, 9.5)], cursor)


def test_a_row_with_too_few_values_is_an_error(cursor: psycopg.Cursor[Any]) -> None:
    with pytest.raises(ValueError, match="shorter"):
        COURSES.execute([(FIRST, OWNER, "Art", 1, 9.5), (SECOND, OWNER, "Music", 1)], cursor)
