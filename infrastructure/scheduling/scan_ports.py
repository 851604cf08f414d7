"""What a scan needs of its surroundings: a lease, and two queries of due connections."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from domain.sync_schedule import DueConnection


class ScanLease(Protocol):
    """The part of a Lease that a scan needs; the simulation implements it without a database."""

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lease."""


class FindDue(Protocol):
    """The query `due_connections` of projections/connections, with its interval bound."""

    async def __call__(
        self,
        now: datetime,
        *,
        limit: int,
        after: DueConnection | None = None,
        without: Collection[str] = (),
    ) -> list[DueConnection]:
        """Return due connections, longest due first, after `after` and not at `without`."""


class FindDueAtHosts(Protocol):
    """The query `due_at_hosts` of projections/connections, with its interval bound."""

    async def __call__(
        self,
        now: datetime,
        origins: Collection[str],
        *,
        limit: int,
        without_failures: bool = False,
    ) -> list[DueConnection]:
        """Return connections that are due at these hosts, longest due first.

        With `without_failures`, only those whose last run did not fail for a transient reason.
        """
