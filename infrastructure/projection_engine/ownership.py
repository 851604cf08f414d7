"""The read models that a process owns: leases with an epoch, by the clock of the database.

Only the owner applies events to a read model. A batch is committed only if its owner still is the
one of the current epoch, so a process that was suspended writes nothing after it lost its lease.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg
import structlog
from psycopg import Connection

from infrastructure.projection_engine.ownership_plan import (
    OwnedModel,
    candidates_of,
    plan_owners,
)
from infrastructure.projection_engine.read_model import ReadModelDefinition, fingerprint
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from infrastructure.projection_engine.versions import VersionStatus

OWNER_LEASE_SECONDS = 2.5
"""Seconds after which another process takes a read model whose owner does not renew its lease."""
OWNER_RENEWAL_SECONDS = 0.7
"""Seconds between two renewals; with the lease this is how long a dead owner can stand."""

RENEW = """
WITH membership AS (
    INSERT INTO easeboard.projectors (name, models, until)
    VALUES (
        %(process)s, %(definitions)s, clock_timestamp() + make_interval(secs => %(seconds)s)
    )
        ON CONFLICT (name) DO UPDATE
       SET models = excluded.models,
           until  = excluded.until
), renewed AS (
    UPDATE easeboard.projection_owners
       SET until           = clock_timestamp() + make_interval(secs => %(seconds)s),
           unowned_seconds = unowned_seconds
                             + greatest(0, extract(epoch FROM clock_timestamp() - until))
     WHERE owner = %(process)s
       AND name = ANY(%(names)s)
 RETURNING name, epoch
)
SELECT live.name, live.name || ':' || live.fingerprint,
       CASE
           WHEN renewed.epoch IS NOT NULL THEN %(process)s
           WHEN owners.until >= clock_timestamp() AND owners.owner <> %(process)s
           THEN owners.owner
       END,
       renewed.epoch,
       (
           SELECT coalesce(json_object_agg(name, models), '{}')
             FROM easeboard.projectors
            WHERE until >= clock_timestamp()
       ),
       EXISTS (
           SELECT
             FROM easeboard.projections AS building
            WHERE building.role = 'building'
              AND building.retired_at IS NULL
              AND building.error IS NULL
              AND building.name || ':' || split_part(building.fingerprint, '/', 1)
                  = ANY(%(definitions)s)
              AND building.builder_seen_at
                  < clock_timestamp() - make_interval(secs => %(rebuild_seconds)s)
       )
  FROM easeboard.projections AS live
  LEFT JOIN easeboard.projection_owners AS owners ON owners.name = live.name
  LEFT JOIN renewed ON renewed.name = live.name
 WHERE live.role = 'live'
   AND live.name = ANY(%(names)s)
 ORDER BY live.name
"""

CLAIM = """
WITH forgotten AS (
    DELETE FROM easeboard.projectors
     WHERE until < clock_timestamp() - interval '1 minute'
), free AS (
    SELECT name
      FROM easeboard.projection_owners
     WHERE name = ANY(%(names)s)
       AND until < clock_timestamp()
       FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE easeboard.projection_owners AS own
       SET owner           = %(process)s,
           epoch           = epoch + 1,
           until           = clock_timestamp() + make_interval(secs => %(seconds)s),
           unowned_seconds = unowned_seconds
                             + greatest(0, extract(epoch FROM clock_timestamp() - until))
      FROM free
     WHERE own.name = free.name
 RETURNING own.name, own.epoch
), added AS (
    INSERT INTO easeboard.projection_owners (name, owner, epoch, until)
    SELECT name, %(process)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s)
      FROM unnest(%(names)s::text[]) AS name
        ON CONFLICT (name) DO NOTHING
 RETURNING name, epoch
)
SELECT name, epoch FROM taken
 UNION ALL
SELECT name, epoch FROM added
 ORDER BY name
"""
"""Takes what no process owns. A row that is locked belongs to a batch that is being committed."""

HAND_OVER = """
UPDATE easeboard.projection_owners AS own
   SET owner = plan.owner,
       epoch = own.epoch + 1,
       until = clock_timestamp() + make_interval(secs => %(seconds)s)
  FROM unnest(%(names)s::text[], %(owners)s::text[]) AS plan (name, owner)
  JOIN easeboard.projectors AS receiver
    ON receiver.name = plan.owner
   AND receiver.until >= clock_timestamp()
 WHERE own.name = plan.name
   AND own.owner = %(process)s
RETURNING own.name
"""

LEAVE = "DELETE FROM easeboard.projectors WHERE name = %(process)s"

RELEASE = """
UPDATE easeboard.projection_owners
   SET until = clock_timestamp() - interval '1 us'
 WHERE owner = %(process)s
"""

logger = structlog.get_logger()


class Ownership:
    """The leases of one process, for the thread that applies events; renewed between batches."""

    def __init__(
        self,
        process_name: str | None,
        models: Sequence[ReadModelDefinition],
        read_together: Sequence[Collection[str]] = (),
    ) -> None:
        self.process_name = process_name or f"projector:{uuid4()}"
        self._definitions = [f"{model.name}:{fingerprint(model)}" for model in models]
        self._names = [model.name for model in models]
        self._read_together = read_together
        self._epochs: dict[str, int] = {}
        self._definitions_of: dict[str, Collection[str]] = {}
        self._models: list[OwnedModel] = []
        self._next_renewal = 0.0
        self.has_interrupted_rebuild = False
        """Whether the builder of a version that this process can build was dead at the renewal."""

    def renew_if_due(self, connection: Connection[Any]) -> bool:
        """Renew the leases, take what has no owner, and give away what others should have.

        Returns whether this process owns a read model that it did not own before. Raises errors of
        psycopg.
        """
        if time.monotonic() < self._next_renewal:
            return False
        before = self._epochs
        self._renew(connection)
        self._claim(connection)
        self._hand_over(connection, self._definitions_of)
        self._next_renewal = time.monotonic() + OWNER_RENEWAL_SECONDS
        return any(before.get(name) != epoch for name, epoch in self._epochs.items())

    def owned(self, statuses: Sequence[VersionStatus]) -> list[VersionStatus]:
        """Return the versions of read models that this process owns, each with its epoch."""
        return [
            status._replace(epoch=self._epochs[status.model.name])
            for status in statuses
            if status.model.name in self._epochs
        ]

    def forget(self) -> None:
        """Own nothing until the next renewal, which is due at once: the connection was lost."""
        self._epochs = {}
        self._next_renewal = 0.0

    def release(self, connection: Connection[Any]) -> None:
        """Give everything to the other processes, because this one stops; errors are ignored."""
        others = dict(self._definitions_of)
        others.pop(self.process_name, None)
        with suppress(psycopg.Error):
            connection.execute(LEAVE, {"process": self.process_name})
            if others:
                self._hand_over(connection, others)
            connection.execute(RELEASE, {"process": self.process_name})

    def _parameters(self, names: Sequence[str]) -> dict[str, Any]:
        return {
            "process": self.process_name,
            "names": list(names),
            "definitions": self._definitions,
            "seconds": OWNER_LEASE_SECONDS,
            "rebuild_seconds": REBUILD_LEASE_SECONDS,
        }

    def _renew(self, connection: Connection[Any]) -> None:
        rows = connection.execute(RENEW, self._parameters(self._names)).fetchall()
        self._models = [OwnedModel(*row[:3]) for row in rows]
        renewed = {name: epoch for name, _, _, epoch, *_ in rows if epoch is not None}
        if lost := sorted(self._epochs.keys() - renewed):
            logger.info("projection.ownership_lost", projections=lost, owner=self.process_name)
        self._epochs = renewed
        self.has_interrupted_rebuild = any(row[5] for row in rows)
        # The statement does not see the row that it inserts.
        self._definitions_of = (rows[0][4] if rows else {}) | {self.process_name: self._definitions}

    def _claim(self, connection: Connection[Any]) -> None:
        free = [
            model.name
            for model in self._models
            if model.owner is None
            and self.process_name in candidates_of(model.definition, self._definitions_of)
        ]
        if not free:
            return
        claimed = dict(connection.execute(CLAIM, self._parameters(free)).fetchall())
        self._epochs |= claimed
        self._models = [
            model._replace(owner=self.process_name) if model.name in claimed else model
            for model in self._models
        ]
        if claimed:
            logger.info(
                "projection.ownership_taken", projections=[*claimed], owner=self.process_name
            )

    def _hand_over(
        self, connection: Connection[Any], definitions: Mapping[str, Collection[str]]
    ) -> None:
        """Make other processes the owners of what the division among processes gives to them."""
        plan = plan_owners(self._models, definitions, self._read_together)
        given = {
            name: owner
            for name, owner in plan.items()
            if name in self._epochs and owner != self.process_name
        }
        if not given:
            return
        parameters = self._parameters([*given]) | {"owners": [*given.values()]}
        for (name,) in connection.execute(HAND_OVER, parameters).fetchall():
            del self._epochs[name]
            logger.info("projection.ownership_given", projection=name, owner=given[name])
