"""All rate limits: how many requests a user or an address may send in a minute.

They are high for requests with which a dashboard polls, and low for those that cost much: a
request to Canvas, a run, a rebuild. `docs/decisions/0015-rate-limits.md` defines what is counted.
"""

from typing import NamedTuple


class RateLimitPolicy(NamedTuple):
    """A quota of requests per minute. Its name is in the `RateLimit` headers and the counters."""

    name: str
    quota: int


DEFAULT = RateLimitPolicy("default", 6000)
"""Each user, for all requests: a hundred a second."""
ANONYMOUS = RateLimitPolicy("strangers", 3000)
"""Each address, for requests without a token or with a token that is not accepted."""
LIVE = RateLimitPolicy("live", 600)
"""Each user, for new event streams and WebSockets."""

CALENDAR = RateLimitPolicy("calendar", 60)
"""Each calendar, for reads of its feed: programs on several devices read it every few minutes."""
CALENDAR_GUESS = RateLimitPolicy("calendar-guess", 60)
"""Each address, for reads of calendars that do not exist, in addition to ANONYMOUS."""

SETUP = RateLimitPolicy("setup", 300)
TOKEN = RateLimitPolicy("token", 300)
VALIDATE = RateLimitPolicy("validate", 300)
SYNC = RateLimitPolicy("sync", 600)
WHAT_IF = RateLimitPolicy("what-if", 1200)
REBUILD = RateLimitPolicy("rebuild", 60)

POLICY_BY_ROUTE = {
    "POST /api/v1/canvas/setup": SETUP,
    "PUT /api/v1/canvas/connections/{connection_id}/token": TOKEN,
    "POST /api/v1/canvas/connections/{connection_id}/validate": VALIDATE,
    "POST /api/v1/canvas/connections/{connection_id}/sync": SYNC,
    "POST /api/v1/canvas/courses/{course_id}/what-if": WHAT_IF,
    "GET /api/v1/sync/events": LIVE,
    "POST /api/v1/admin/projections/{name}/rebuild": REBUILD,
    "POST /api/v1/admin/projections/{name}/verify": REBUILD,
    "POST /api/v1/admin/projections/{name}/rollback": REBUILD,
}
"""Each user, for requests to these routes, in addition to DEFAULT. A test requires each route."""

UNLIMITED_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Paths for the operator's monitoring: no token is checked, no request counted, no slot needed."""
