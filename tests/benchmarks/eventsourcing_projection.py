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

from domain.recorded_event import RecordedEvent
from infrastructure.projection_engine.read_model import ReadModelDefinition, subscribed_topics

SCHEMA = "stock_catch_up"


class StockApplication(Application):  # type: ignore[type-arg]  # generic for type checkers only
    """The stock event log."""


class TrackedTables(PostgresTrackingRecorder):
    """A read model's tables and their tracking."""

    model: ClassVar[ReadModelDefinition]

    def project_event(self, recorded: RecordedEvent, tracking: Tracking) -> None:
        """Take one event and its tracking in, in a transaction of its own."""
        with self.datastore.transaction(commit=True) as tracked:
            self._insert_tracking(tracked, tracking)
            with tracked.connection.cursor(row_factory=tuple_row) as cursor:
                cursor.execute(
                    sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(self.model.name))
                )
                self.model.project([recorded], cursor)


class SingleEventProjection(Projection[TrackedTables]):
    """Hands each event on as it comes."""

    people: ClassVar[dict[UUID, UUID]]

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take an event in."""
        person = self.people[domain_event.originator_id]
        position, recorded_at = tracking.notification_id, domain_event.timestamp
        self.view.project_event(
            RecordedEvent(domain_event, position, recorded_at, person), tracking
        )


class StockProjections:
    """A stock log with events in it."""

    def __init__(self, url: str, env: dict[str, str], events: Sequence[RecordedEvent]) -> None:
        self._url = url
        self._env = env
        self._events = events
        application = StockApplication(env)
        for start in range(0, len(events), 50):
            application.events.put([recorded.event for recorded in events[start : start + 50]])
        application.close()

    def rate(self, model: ReadModelDefinition) -> float:
        """Events a second that a ProjectionRunner catches up with in one read model."""
        people = {recorded.event.originator_id: recorded.person_id for recorded in self._events}
        subscribed = [
            recorded for recorded in self._events if type(recorded.event) in model.subscribes_to
        ]
        view = type("View", (TrackedTables,), {"model": model})
        attributes = {
            "name": model.name,
            "topics": tuple(subscribed_topics([model])),
            "people": people,
        }
        projection = type("Projected", (SingleEventProjection,), attributes)
        with psycopg.connect(self._url) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(model.name)))
            connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(model.name)))
            connection.execute(model.schema_sql)
        started_at = perf_counter()
        with ProjectionRunner(
            application_class=StockApplication,
            projection_class=projection,
            view_class=view,
            env=self._env,
        ) as runner:
            runner.wait(subscribed[-1].position, timeout=120)
            return len(subscribed) / (perf_counter() - started_at)


@contextmanager
def open_stock_log(url: str, events: Sequence[RecordedEvent]) -> Iterator[StockProjections]:
    """A stock log on the same server, in a schema of its own."""
    conninfo = conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_SCHEMA": SCHEMA,
        "POSTGRES_DBNAME": str(conninfo["dbname"]),
        "POSTGRES_HOST": str(conninfo["host"]),
        "POSTGRES_PORT": str(conninfo.get("port", 5432)),
        "POSTGRES_USER": str(conninfo["user"]),
        "POSTGRES_PASSWORD": str(conninfo.get("password", "")),
    }
    yield StockProjections(url, env, events)
