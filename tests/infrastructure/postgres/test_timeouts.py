"""A server that neither answers nor closes: nobody waits for ever, and everybody goes on after."""

from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.event_store.append_statement import call_append
from infrastructure.event_store.errors import DatabaseUnavailable
from infrastructure.postgres.execute import ask
from infrastructure.postgres.pools import reads, writes
from infrastructure.postgres.timeouts import Connection
from tests.faults.flaky_proxy import Line


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    with Line(database_url) as line:
        yield line


def test_a_question_without_an_answer_ends_and_a_later_one_finds_a_new_connection(
    line: Line,
) -> None:
    with writes(line.url, size=3) as pool:
        with pool.connection(), pool.connection(), pool.connection():
            pass
        line.silence()
        with pytest.raises(DatabaseUnavailable):
            ask(pool, "SELECT 1", seconds=0.2)
        line.mend()
        # One that was being opened meanwhile takes its 3 s to be given up.
        with pool.connection(timeout=20) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert ask(pool, "SELECT 1") == [(1,)]


def test_an_append_without_an_answer_ends(line: Line) -> None:
    with writes(line.url, size=1) as pool, pool.connection() as connection:
        connection.answers_within = 0.2
        line.silence()
        with pytest.raises(psycopg.OperationalError, match="did not answer"):
            call_append(connection, [None] * 10)
        assert connection.closed


def test_a_slow_answer_is_no_silence_where_time_is_granted(line: Line) -> None:
    with writes(line.url, size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            ask(pool, "SELECT 1 FROM pg_sleep(3)", seconds=0.2)
        assert ask(pool, "SELECT 1 FROM pg_sleep(0.3)", seconds=20) == [(1,)]


async def test_on_the_event_loop_it_is_the_same(line: Line) -> None:
    async with reads(line.url, size=3, statement_seconds=0.2) as pool:
        await pool.wait()
        line.silence()
        with pytest.raises(psycopg.OperationalError, match="did not answer"):
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
        line.mend()
        async with pool.connection(timeout=20) as connection:
            answer = await connection.execute("SELECT 1")
            assert await answer.fetchone() == (1,)


def test_who_only_listens_may_hear_nothing(line: Line) -> None:
    with Connection.connect(line.url, autocommit=True) as connection:
        connection.answers_within = 0.1
        connection.execute("LISTEN nothing")
        assert list(connection.notifies()) == []
        assert connection.execute("SELECT 1").fetchone() == (1,)
