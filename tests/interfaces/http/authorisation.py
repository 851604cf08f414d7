"""Who may use which route: the whole table; a route that is not in it fails the build."""

from collections.abc import Iterable, Iterator

import jwt

from tests.dev_tokens import ADA, BOB, SECRET, claims_of, token_of
from tests.interfaces.http.fake_service import CONNECTION

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
    "GET /docs/{name}": ANYBODY,
    "WS /ws/sync-status": PERSON,
}
"""Every route and the least somebody must be to use it."""

DAY = 24 * 60 * 60
TOKENS = {
    "none": None,
    "garbage": "garbage",
    "expired": token_of(ttl=-60),
    "wrong audience": token_of(aud="somebody-else"),
    "anon key": jwt.encode(claims_of(iss="supabase", sub=None, aud=None, role="anon"), SECRET),
    "service key": jwt.encode(
        claims_of(iss="supabase", sub=None, aud=None, role="service_role"), SECRET
    ),
    "student A": token_of(ADA, ttl=DAY),
    "student B": token_of(BOB, ttl=DAY),
    "auditor": token_of(ADA, "auditor", ttl=DAY),
    "admin": token_of(ADA, "admin", ttl=DAY),
}
"""Ten identities: A owns what the routes name, and so do the auditor and the admin."""

STRANGERS = frozenset(TOKENS) - {"student A", "student B", "auditor", "admin"}
PASSES = {
    ANYBODY: frozenset(TOKENS),
    PERSON: frozenset(TOKENS) - STRANGERS,
    AUDITOR: frozenset({"auditor", "admin"}),
    ADMIN: frozenset({"admin"}),
}

STREAMS = frozenset({"GET /api/v1/sync/events"})
"""What never ends."""
OWNED = frozenset(
    route for route in TABLE if "/canvas/connections/{" in route or "/sync/connections/{" in route
)
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
    method, path = route.replace("/docs/{name}", "/docs/start.js").split(" ")
    filled = path.replace("{connection_id}", str(CONNECTION))
    return method, filled.replace("{name}", "courses").replace("{slug}", "not-found")


def headers_of(who: str) -> dict[str, str]:
    """How somebody says who they are."""
    return {"Authorization": f"Bearer {TOKENS[who]}"} if TOKENS[who] else {}


def expected(route: str, who: str) -> int:
    """200 for any answer that is given, else the status of the refusal, 4401 on a WebSocket."""
    if who not in PASSES[TABLE[route]]:
        refused = 401 if who in STRANGERS else 403
        return 4401 if route.startswith("WS ") else refused
    return 404 if route in OWNED and who == "student B" else 200


PAGE = """\
# Who may use which route

Made from the table that the tests hold every route against:
`tests/interfaces/http/authorisation.py`. Each of the {cells} cells below is asked of the running
application in every build, and a route that is missing here fails it. `make documents` renews this.

✓ an answer · ✓ own: an answer about the caller's own data alone · else the status of the refusal,
which for a WebSocket is the code it is closed with. A, the auditor and the admin own what the
routes name; B owns nothing. What is somebody else's is `404`, as is what does not exist.

| route | needs | {identities} |
| --- | --- | {rule} |
{rows}
"""


def page() -> str:
    """`docs/authorisation.md`."""
    return PAGE.format(
        cells=len(TABLE) * len(TOKENS),
        identities=" | ".join(TOKENS),
        rule=" | ".join(["---"] * len(TOKENS)),
        rows="\n".join(_rows(TABLE)),
    )


def _rows(routes: Iterable[str]) -> Iterator[str]:
    for route in routes:
        cells = " | ".join(_cell(route, who) for who in TOKENS)
        yield f"| `{route}` | {TABLE[route]} | {cells} |"


def _cell(route: str, who: str) -> str:
    status = expected(route, who)
    own = TABLE[route] == PERSON and status == 200
    return "✓ own" if own else "✓" if status == 200 else str(status)
