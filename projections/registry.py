"""The list of all read models, for the projection engine."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Cursor

import projections.assignments.projector
import projections.connections.projector
import projections.courses.projector
import projections.dashboard_stats.projector
import projections.grade_history.projector
import projections.grades.projector
import projections.sync_log.projector
from domain.event import Event
from domain.recorded_event import RecordedEvent


class RegisteredReadModel(NamedTuple):
    """What the projection engine needs to know of a read model; `name` is that of its folder.

    It implements `ReadModelDefinition` of `infrastructure/projection_engine/read_model.py`, which
    describes the fields.
    """

    name: str
    version: int
    subscribes_to: tuple[type[Event], ...]
    project: Callable[[Sequence[RecordedEvent], Cursor[Any]], None]
    schema_sql: str
    tables: tuple[str, ...]


def _load_read_model(projector: Any) -> RegisteredReadModel:
    folder = Path(projector.__file__).parent
    return RegisteredReadModel(
        name=folder.name,
        version=projector.VERSION,
        subscribes_to=projector.SUBSCRIBES_TO,
        project=projector.project,
        schema_sql=folder.joinpath("schema.sql").read_text(encoding="utf-8"),
        tables=projector.TABLES,
    )


READ_MODELS = tuple(
    _load_read_model(projector)
    for projector in (
        projections.connections.projector,
        projections.courses.projector,
        projections.assignments.projector,
        projections.grades.projector,
        projections.grade_history.projector,
        projections.sync_log.projector,
        projections.dashboard_stats.projector,
    )
)

READ_TOGETHER = (frozenset({"connections", "courses", "assignments", "grades"}),)
"""Read models of one document, which is of one moment: one process moves them together."""
