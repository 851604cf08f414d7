"""The same read models, updated by the ProjectionRunner of eventsourcing, event by event.

Its event log has the same events, written by its own mapper and recorder without encryption.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar
from uuid import UUID, uuid4

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

SCHEMA = "eventsourcing_catch_up"


class EventsourcingApplication(Application):  # type: ignore[type-arg]  # generic for type checkers only
    """The event log of eventsourcing."""


class TrackedTables(PostgresTrackingRecorder):
    """The tables of a read model, and the tracking of the last position."""

    model: ClassVar[ReadModelDefinition]

    def project_event(self, recorded: RecordedEvent, tracking: Tracking) -> None:
        """Apply one event and save its position in one transaction."""
        with self.datastore.transaction(commit=True) as tracked:
            self._insert_tracking(tracked, tracking)
            with tracked.connection.cursor(row_factory=tuple_row) as cursor:
                cursor.execute(
                    sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(self.model.name))
                )
                self.model.project([recorded], cursor)


class SingleEventProjection(Projection[TrackedTables]):
    """Applies each event by itself."""

    people: ClassVar[dict[UUID, UUID]]

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Apply one event."""
        person = self.people[domain_event.originator_id]
        position, recorded_at = tracking.notification_id, domain_event.timestamp
        self.view.project_event(
            RecordedEvent(domain_event, position, recorded_at, person, uuid4()), tracking
        )


class EventsourcingProjections:
    """Projections of one filled eventsourcing log."""

    def __init__(self, url: str, env: dict[str, str], events: Sequence[RecordedEvent]) -> None:
        self._url = url
        self._env = env
        self._events = events
        application = EventsourcingApplication(env)
        for start in range(0, len(events), 50):
            application.events.put([recorded.event for recorded in events[start : start + 50]])
        application.close()

    def rate(self, model: ReadModelDefinition) -> float:
        """Measure how many events a second a ProjectionRunner applies to one read model."""
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
            application_class=EventsourcingApplication,
            projection_class=projection,
            view_class=view,
            env=self._env,
        ) as runner:
            runner.wait(subscribed[-1].position, timeout=120)
            return len(subscribed) / (perf_counter() - started_at)


@contextmanager
def open_eventsourcing_log(
    url: str, events: Sequence[RecordedEvent]
) -> Iterator[EventsourcingProjections]:
    """Create and fill an eventsourcing log in a schema of its own."""
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
    yield EventsourcingProjections(url, env, events)
