"""Who may use which route: the whole table; a route that is not in it fails the build."""

from tests.interfaces.http.told import CONNECTION

ANYBODY, PERSON, AUDITOR, ADMIN = "anybody", "person", "auditor", "admin"

TABLE = {
    "GET /api/v1/canvas/courses": PERSON,
    "GET /api/v1/canvas/assignments": PERSON,
    "GET /api/v1/canvas/grades": PERSON,
    "GET /api/v1/canvas/grades/history": PERSON,
    "GET /api/v1/canvas/data": PERSON,
    "POST /api/v1/canvas/setup": PERSON,
    "GET /api/v1/canvas/connections": PERSON,
    "GET /api/v1/canvas/connections/{connection_id}": PERSON,
    "PUT /api/v1/canvas/connections/{connection_id}/token": PERSON,
    "POST /api/v1/canvas/connections/{connection_id}/validate": PERSON,
    "POST /api/v1/canvas/connections/{connection_id}/sync": PERSON,
    "DELETE /api/v1/canvas/connections/{connection_id}": PERSON,
    "GET /api/v1/sync/logs": PERSON,
    "GET /api/v1/sync/status": PERSON,
    "DELETE /api/v1/sync/connections/{connection_id}": PERSON,
    "GET /api/v1/sync/events": PERSON,
    "GET /api/v1/dashboard/stats": PERSON,
    "GET /api/v1/audit/connections": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/events": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/state": AUDITOR,
    "GET /api/v1/admin/projections": ADMIN,
    "POST /api/v1/admin/projections/{name}/rebuild": ADMIN,
    "GET /health/live": ANYBODY,
    "GET /health/ready": ANYBODY,
    "GET /problems/{slug}": ANYBODY,
    "GET /metrics": ANYBODY,
    "GET /openapi.json": ANYBODY,
    "GET /docs": ANYBODY,
    "WS /ws/sync-status": PERSON,
}

PASSES = {
    ANYBODY: {"none", "garbage", "expired", "student", "auditor", "admin"},
    PERSON: {"student", "auditor", "admin"},
    AUDITOR: {"auditor", "admin"},
    ADMIN: {"admin"},
}

OWNED = [
    route for route in TABLE if "/canvas/connections/{" in route or "/sync/connections/{" in route
]
"""Routes that name something that belongs to one person."""

BODIES = {
    "POST /api/v1/canvas/setup": {
        "canvas_url": "https://school.instructure.com",
        "canvas_name": "My school",
        "api_token": "1234~token",
    },
    "PUT /api/v1/canvas/connections/{connection_id}/token": {"api_token": "1234~token"},
}


def address(route: str) -> tuple[str, str]:
    """The method and a path that exists."""
    method, path = route.split(" ")
    filled = path.replace("{connection_id}", str(CONNECTION))
    return method, filled.replace("{name}", "courses").replace("{slug}", "not-found")
