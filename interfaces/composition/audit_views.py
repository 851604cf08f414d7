"""Binds the queries of what a student saw to the parts of a process that they need."""

from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.past_view_store import PastViewStore
from infrastructure.postgres.pools import Pools
from interfaces.queries.audit_history import AuditHistory
from interfaces.queries.audit_protocols import ViewMembers
from interfaces.queries.event_names import EventNames
from interfaces.queries.past_views.past_views import PastViews
from interfaces.queries.past_views.view_diffs import ViewDiffs


def view_members(history: AuditHistory, pools: Pools, mapper: Mapper) -> ViewMembers:
    """Bind the queries of past views."""
    views = PastViews(history=history, store=_open_store(pools, mapper))
    return {"view_at": views.view_at, "diff": ViewDiffs(views).diff}


def event_names(pools: Pools, mapper: Mapper) -> EventNames:
    """Return what finds the names of courses and assignments in the history of a connection."""
    return EventNames(_open_store(pools, mapper))


def _open_store(pools: Pools, mapper: Mapper) -> PastViewStore:
    return PastViewStore(pools.read_pool, pools.write_pool, mapper)
