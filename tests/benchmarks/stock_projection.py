"""The peer: the same read models kept by eventsourcing's ProjectionRunner, an event at a time.

Its log holds the same events by its own mapper and recorder, not sealed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from domain.recorded_event import Recorded
from infrastructure.projection_engine.read_model import ReadModel, topics

SCHEMA = "stock_catch_up"


class Semesters(Application):  # type: ignore[type-arg]  # generic for type checkers only
    """The stock event log."""


class Tables(PostgresTrackingRecorder):
    """A read model's tables and their tracking."""

    model: ClassVar[ReadModel]

    def take(self, recorded: Recorded, tracking: Tracking) -> None:
        """Take one event and its tracking in, in a transaction of its own."""
        with self.datastore.transaction(commit=True) as tracked:
            self._insert_tracking(tracked, tracking)
            with tracked.connection.cursor(row_factory=tuple_row) as cursor:
                cursor.execute(
                    sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(self.model.name))
                )
                self.model.project([recorded], cursor)


class OneByOne(Projection[Tables]):
    """Hands each event on as it comes."""

    people: ClassVar[dict[UUID, UUID]]

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take an event in."""
        person = self.people[domain_event.originator_id]
        position, at = tracking.notification_id, domain_event.timestamp
        self.view.take(Recorded(domain_event, position, at, person), tracking)


class Stock:
    """A stock log with events in it."""

    def __init__(self, url: str, env: dict[str, str], events: Sequence[Recorded]) -> None:
        self._url = url
        self._env = env
        self._events = events
        application = Semesters(env)
        for start in range(0, len(events), 50):
            application.events.put([one.event for one in events[start : start + 50]])
        application.close()

    def rate(self, model: ReadModel) -> float:
        """Events a second that a ProjectionRunner catches up with in one read model."""
        people = {one.event.originator_id: one.person_id for one in self._events}
        heard = [one for one in self._events if type(one.event) in model.hears]
        view = type("View", (Tables,), {"model": model})
        said = {"name": model.name, "topics": tuple(topics([model])), "people": people}
        projection = type("Projected", (OneByOne,), said)
        with psycopg.connect(self._url) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(model.name)))
            connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(model.name)))
            connection.execute(model.schema_sql)
        began = perf_counter()
        with ProjectionRunner(
            application_class=Semesters,
            projection_class=projection,
            view_class=view,
            env=self._env,
        ) as runner:
            runner.wait(heard[-1].position, timeout=120)
            return len(heard) / (perf_counter() - began)


@contextmanager
def stock(url: str, events: Sequence[Recorded]) -> Iterator[Stock]:
    """A stock log on the same server, in a schema of its own."""
    at = conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_SCHEMA": SCHEMA,
        "POSTGRES_DBNAME": str(at["dbname"]),
        "POSTGRES_HOST": str(at["host"]),
        "POSTGRES_PORT": str(at.get("port", 5432)),
        "POSTGRES_USER": str(at["user"]),
        "POSTGRES_PASSWORD": str(at.get("password", "")),
    }
    yield Stock(url, env, events)
