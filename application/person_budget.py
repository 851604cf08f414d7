"""The port with which commands keep to the bounds of one person."""

from typing import NamedTuple, Protocol
from uuid import UUID

from application.ports import SecretChange


class DayBudget(NamedTuple):
    """How many events and stored bytes may still be recorded for a person today (UTC)."""

    events: int
    bytes: int

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more may be recorded."""
        return self.events <= 0 or self.bytes <= 0


class PersonBudget(Protocol):
    """What may be recorded for a person, and how many connections they may have."""

    @property
    def max_connections(self) -> int:
        """The most connections that a person may have."""

    async def left_today(self, person_id: UUID) -> DayBudget:
        """Return what may still be recorded for a person today; negative beyond the limit."""

    async def has_place(self, person_id: UUID) -> bool:
        """Return whether the person may open another connection now."""

    def place_for(self, person_id: UUID, connection_id: UUID) -> SecretChange:
        """Return the change that makes `Store.save` raise TooManyConnections without a place."""
