"""The access rules of every route. A test fails if a route is missing here."""

from collections.abc import Iterable, Iterator

import jwt

from tests.dev_tokens import ADA, BOB, SECRET, claims_of, token_of
from tests.interfaces.http.fake_calendars import CALENDAR_SECRET
from tests.interfaces.http.fake_projections import LETTER_ID
from tests.interfaces.http.fake_proofs import EVENT_ID
from tests.interfaces.http.fake_receipts import GRADE_CHANGE_ID
from tests.interfaces.http.fake_service import (
    ASSIGNMENT_ID,
    CONNECTION_ID,
    COURSE_ID,
)

PUBLIC, USER, AUDITOR, ADMIN = "public", "user", "auditor", "admin"

ROUTE_ACCESS = {
    "GET /api/v1/canvas/courses": USER,
    "GET /api/v1/canvas/courses/{course_id}": USER,
    "POST /api/v1/canvas/courses/{course_id}/what-if": USER,
    "GET /api/v1/canvas/assignments": USER,
    "GET /api/v1/canvas/assignments/{assignment_id}": USER,
    "GET /api/v1/canvas/grades": USER,
    "GET /api/v1/canvas/grades/history": USER,
    "GET /api/v1/canvas/data": USER,
    "POST /api/v1/canvas/setup": USER,
    "GET /api/v1/canvas/connections": USER,
    "GET /api/v1/canvas/connections/{connection_id}": USER,
    "PUT /api/v1/canvas/connections/{connection_id}/token": USER,
    "POST /api/v1/canvas/connections/{connection_id}/validate": USER,
    "POST /api/v1/canvas/connections/{connection_id}/sync": USER,
    "DELETE /api/v1/canvas/connections/{connection_id}": USER,
    "GET /api/v1/sync/logs": USER,
    "GET /api/v1/sync/status": USER,
    "DELETE /api/v1/sync/connections/{connection_id}": USER,
    "GET /api/v1/sync/events": USER,
    "GET /api/v1/dashboard/stats": USER,
    "POST /api/v1/calendar": USER,
    "DELETE /api/v1/calendar": USER,
    "GET /calendar/{secret}.ics": PUBLIC,
    "GET /api/v1/audit/connections": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/events": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/state": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/view": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/diff": AUDITOR,
    "GET /api/v1/audit/connections/{connection_id}/export": AUDITOR,
    "GET /api/v1/audit/checkpoints": AUDITOR,
    "GET /api/v1/audit/key": AUDITOR,
    "GET /api/v1/audit/verify": AUDITOR,
    "GET /api/v1/audit/proof/{event_id}": AUDITOR,
    "GET /api/v1/audit/readings": AUDITOR,
    "GET /api/v1/me/disclosures": USER,
    "GET /api/v1/me/export": USER,
    "GET /api/v1/me/grades/{change_id}/receipt": USER,
    "DELETE /api/v1/me": USER,
    "POST /api/v1/admin/users/{user_id}/erase": ADMIN,
    "GET /api/v1/admin/status": ADMIN,
    "GET /api/v1/admin/connections": ADMIN,
    "GET /api/v1/admin/hosts": ADMIN,
    "GET /api/v1/admin/runs": ADMIN,
    "GET /api/v1/admin/workers": ADMIN,
    "GET /api/v1/admin/schedule": ADMIN,
    "GET /api/v1/admin/projections": ADMIN,
    "GET /api/v1/admin/projections/{name}/dead-letters": ADMIN,
    "POST /api/v1/admin/projections/{name}/dead-letters/{letter_id}/retry": ADMIN,
    "POST /api/v1/admin/projections/{name}/dead-letters/{letter_id}/skip": ADMIN,
    "POST /api/v1/admin/projections/{name}/rebuild": ADMIN,
    "POST /api/v1/admin/projections/{name}/verify": ADMIN,
    "POST /api/v1/admin/projections/{name}/pause": ADMIN,
    "POST /api/v1/admin/projections/{name}/resume": ADMIN,
    "POST /api/v1/admin/projections/{name}/rollback": ADMIN,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /problems/{slug}": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/{name}": PUBLIC,
    "GET /": PUBLIC,
    "GET /console/settings": PUBLIC,
    "GET /console/{name}": PUBLIC,
    "POST /console/tokens": PUBLIC,
    "WS /ws/sync-status": USER,
}
"""Every route and the access that it needs at least."""

DAY_SECONDS = 24 * 60 * 60
TOKEN_BY_IDENTITY = {
    "none": None,
    "garbage": "garbage",
    "expired": token_of(ttl=-60),
    "wrong audience": token_of(aud="another-service"),
    "anon key": jwt.encode(claims_of(iss="supabase", sub=None, aud=None, role="anon"), SECRET),
    "service key": jwt.encode(
        claims_of(iss="supabase", sub=None, aud=None, role="service_role"), SECRET
    ),
    "student A": token_of(ADA, ttl=DAY_SECONDS),
    "student B": token_of(BOB, ttl=DAY_SECONDS),
    "auditor": token_of(ADA, "auditor", ttl=DAY_SECONDS),
    "admin": token_of(ADA, "admin", ttl=DAY_SECONDS),
}
"""The tokens of ten identities. Student A, the auditor and the admin own the test connection."""

UNAUTHENTICATED = frozenset(TOKEN_BY_IDENTITY) - {"student A", "student B", "auditor", "admin"}
ALLOWED_IDENTITIES = {
    PUBLIC: frozenset(TOKEN_BY_IDENTITY),
    USER: frozenset(TOKEN_BY_IDENTITY) - UNAUTHENTICATED,
    AUDITOR: frozenset({"auditor", "admin"}),
    ADMIN: frozenset({"admin"}),
}

STREAM_ROUTES = frozenset({"GET /api/v1/sync/events"})
"""Routes whose response does not end."""
OWNED_RESOURCES = (
    "/canvas/connections",
    "/canvas/courses",
    "/canvas/assignments",
    "/sync/connections",
    "/me/grades",
)
OWNED_ROUTES = frozenset(
    route
    for route in ROUTE_ACCESS
    if "/{" in route and route.partition("/{")[0].endswith(OWNED_RESOURCES)
)
"""Routes of a resource that belongs to one user."""

BODY_BY_ROUTE = {
    "POST /api/v1/canvas/setup": {
        "canvas_url": "https://school.instructure.com",
        "canvas_name": "My school",
        "api_token": "1234~token",
    },
    "PUT /api/v1/canvas/connections/{connection_id}/token": {"api_token": "1234~token"},
    "POST /api/v1/canvas/courses/{course_id}/what-if": {"scores": {}},
    "POST /console/tokens": {"role": "student"},
}

HEADERS_BY_ROUTE = {
    "POST /console/tokens": {"Host": "localhost", "Origin": "http://localhost"},
}
"""The headers that a route needs beside the token and the purpose."""

QUERY_BY_ROUTE = {
    "GET /api/v1/audit/connections/{connection_id}/diff": {"from": "2026-09-01"},
}
"""The query parameters that a route needs."""


def method_and_path(route: str) -> tuple[str, str]:
    """Return the method and an existing path of a route."""
    method, path = route.replace("/docs/{name}", "/docs/start.js").split(" ")
    path = path.replace("/console/{name}", "/console/app-T3STT3ST.js")
    path = path.replace("{secret}", CALENDAR_SECRET)
    filled = path.replace("{connection_id}", str(CONNECTION_ID))
    filled = filled.replace("{course_id}", str(COURSE_ID))
    filled = filled.replace("{assignment_id}", str(ASSIGNMENT_ID))
    filled = filled.replace("{event_id}", str(EVENT_ID))
    filled = filled.replace("{change_id}", str(GRADE_CHANGE_ID))
    filled = filled.replace("{letter_id}", str(LETTER_ID)).replace("{user_id}", str(BOB))
    return method, filled.replace("{name}", "courses").replace("{slug}", "not-found")


def headers_of(identity: str) -> dict[str, str]:
    """Return the purpose that some routes need, and the `Authorization` header if there is one."""
    token = TOKEN_BY_IDENTITY[identity]
    purpose = {"Purpose": "who may use which route"}
    return purpose | ({"Authorization": f"Bearer {token}"} if token else {})


def expected_status(route: str, identity: str) -> int:
    """Return 200 if the identity may use the route, else the status of the refusal.

    For a WebSocket the refusal is the close code 4401.
    """
    if identity not in ALLOWED_IDENTITIES[ROUTE_ACCESS[route]]:
        refusal = 401 if identity in UNAUTHENTICATED else 403
        return 4401 if route.startswith("WS ") else refusal
    return 404 if route in OWNED_ROUTES and identity == "student B" else 200


PAGE_TEMPLATE = """\
# Who may use which route

This page is generated from `tests/interfaces/http/authorisation.py`; `make documents` writes it.
The tests send a request for each of the {cells} cells below, and fail if a route is missing.

- ✓: the request succeeds. ✓ own: it succeeds, and the response has only the user's own data.
- Otherwise the cell has the status of the refusal. For a WebSocket this is the close code.
- Student A, the auditor and the admin own the resource in the path; student B owns none.
- Data of another user is `404`, like data that does not exist.
- A calendar needs no token, because calendar programs cannot send one: its path has a secret.
- The routes of the console exist unless `CONSOLE=off`. `POST /console/tokens` succeeds only where
  tokens are for development, and only for the console in a browser on the machine of the service
  ([SECURITY.md](../SECURITY.md)); for all others the path does not exist.

| route | needs | {identities} |
| --- | --- | {rule} |
{rows}
"""


def render_page() -> str:
    """Return the content of `docs/authorisation.md`."""
    return PAGE_TEMPLATE.format(
        cells=len(ROUTE_ACCESS) * len(TOKEN_BY_IDENTITY),
        identities=" | ".join(TOKEN_BY_IDENTITY),
        rule=" | ".join(["---"] * len(TOKEN_BY_IDENTITY)),
        rows="\n".join(_rows(ROUTE_ACCESS)),
    )


def _rows(routes: Iterable[str]) -> Iterator[str]:
    for route in routes:
        cells = " | ".join(_cell(route, identity) for identity in TOKEN_BY_IDENTITY)
        yield f"| `{route}` | {ROUTE_ACCESS[route]} | {cells} |"


def _cell(route: str, identity: str) -> str:
    status = expected_status(route, identity)
    is_own_data = ROUTE_ACCESS[route] == USER and status == 200
    return "✓ own" if is_own_data else "✓" if status == 200 else str(status)
