"""What may be asked for in a minute: the whole table.

Generous where a dashboard polls; tight where a request costs others something: Canvas is asked, a
worker starts, everything is written anew. `docs/decisions/0015` says what is counted where.
"""

from typing import NamedTuple


class RateLimitPolicy(NamedTuple):
    """So many in a minute, under a name that clients see."""

    name: str
    quota: int


DEFAULT = RateLimitPolicy("default", 6000)
"""Each person, for everything they ask: a hundred a second, all minute long."""
ANONYMOUS = RateLimitPolicy("strangers", 3000)
"""Each address, for requests without a token or with one that is not good."""
LIVE = RateLimitPolicy("live", 600)
"""Each person, for streams and WebSockets begun."""

SETUP = RateLimitPolicy("setup", 300)
TOKEN = RateLimitPolicy("token", 300)
VALIDATE = RateLimitPolicy("validate", 300)
SYNC = RateLimitPolicy("sync", 600)
REBUILD = RateLimitPolicy("rebuild", 60)
ERASE = RateLimitPolicy("erase", 60)
EXPORT = RateLimitPolicy("export", 60)

POLICY_BY_ROUTE = {
    "POST /api/v1/canvas/setup": SETUP,
    "PUT /api/v1/canvas/connections/{connection_id}/token": TOKEN,
    "POST /api/v1/canvas/connections/{connection_id}/validate": VALIDATE,
    "POST /api/v1/canvas/connections/{connection_id}/sync": SYNC,
    "GET /api/v1/sync/events": LIVE,
    "POST /api/v1/admin/projections/{name}/rebuild": REBUILD,
    "POST /api/v1/admin/users/{user_id}/erase": ERASE,
    "DELETE /api/v1/me": ERASE,
    "GET /api/v1/me/export": EXPORT,
    "GET /api/v1/audit/connections/{connection_id}/export": EXPORT,
}
"""Each person, for these beside everything else."""

UNLIMITED_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""What an operator's machines ask."""
