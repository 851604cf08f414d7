"""What a test reads from and does to the database of the service, beside the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg


def select(database_url: str, statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(statement, values or None).fetchall()


def execute(database_url: str, statement: LiteralString, *values: Any) -> None:
    """Execute a statement without rows."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement, values or None)


@contextmanager
def locked_checkpoints(database_url: str, *names: str) -> Iterator[None]:
    """Hold the checkpoints of these live read models, so that nothing can move them."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SELECT FROM easeboard.projections WHERE name = ANY(%s) AND role = 'live' FOR UPDATE",
            [list(names)],
        )
        yield
        connection.rollback()


@contextmanager
def changed_history(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction that may change events, to create what a wrong clock or program wrote."""
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        yield connection
        connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER events_are_history")


@contextmanager
def slow_commits(database_url: str, topic: str, seconds: float) -> Iterator[None]:
    """Delay each commit of an event of this topic, as a slow disk or a standby does."""
    trigger = (
        "CREATE FUNCTION public.delay_commit() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER delay_commit AFTER INSERT ON easeboard.events"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.topic = '{topic}')"
        " EXECUTE FUNCTION public.delay_commit()"
    )
    with _temporary_trigger(database_url, "delay_commit", trigger):
        yield


@contextmanager
def refused_appends(database_url: str, topic: str) -> Iterator[None]:
    """Let each append of an event of this topic fail."""
    trigger = (
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON easeboard.events"
        f" FOR EACH ROW WHEN (NEW.topic = '{topic}') EXECUTE FUNCTION public.refuse()"
    )
    with _temporary_trigger(database_url, "refuse", trigger):
        yield


@contextmanager
def _temporary_trigger(database_url: str, name: str, statements: str) -> Iterator[None]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statements.encode())
        try:
            yield
        finally:
            connection.execute(f"DROP TRIGGER {name} ON easeboard.events".encode())
            connection.execute(f"DROP FUNCTION public.{name}()".encode())
