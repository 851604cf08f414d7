"""The OpenAPI document: what FastAPI knows of each route, and what can go wrong on it."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from interfaces.http.errors.problem import KINDS, MEDIA_TYPE
from interfaces.http.schemas.examples import AT, CONNECTION_ID, SYNC_ID, example_of

Operation = dict[str, Any]

ABOUT = """\
Keeps students' Canvas courses, assignments and grades in step.

Send `Authorization: Bearer <Supabase access token>`. Commands that changed something answer with a
`Consistency-Token`; a read that sends it back includes the effect. Reads carry an `ETag` and honour
`If-None-Match`. Lists are pages: send `next_cursor` back as `cursor`. Whatever goes wrong is an
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem whose `type` tells which, and where to
read what to do about it.
"""
TAGS = {
    "data": "Courses, assignments and grades of the caller, as the last sync found them.",
    "connections": "Connections to Canvas accounts: set up, replace the token, synchronise, close.",
    "syncs": (
        "What is being synchronised, and what was.\n\nChanges are told as they happen, with the "
        "same messages (`LiveMessage`) in two ways: `GET /api/v1/sync/events` as server-sent "
        "events, and the WebSocket `/ws/sync-status`, which OpenAPI cannot describe. Over the "
        "WebSocket say who you are within 5 s with the first message "
        '`{"type": "auth", "token": "<JWT>"}`, or offer the subprotocols `["bearer", "<JWT>"]`. '
        "A `snapshot` comes first, then a `sync` at each change and a `grade` for each that "
        "differs. It closes with 4401 when the token is missing, bad or has expired, and with "
        "1013 when you do not read or the service has to let you go: connect again."
    ),
    "dashboard": "The numbers of a dashboard.",
    "audit": "Recorded history, for auditors; whoever reads it is recorded.",
    "admin": "The read models, for admins.",
    "operations": "For the machines of whoever runs the service.",
}
LIMITED = tuple(slug for slug, kind in KINDS.items() if kind.status == 429)  # noqa: PLR2004  # too many
ANYTHING = ("internal-error",)
FULL = ("overloaded",)
STORED = ("database-busy", "database-unavailable")

SHARED: tuple[tuple[Callable[[Operation], Any], tuple[str, ...]], ...] = (
    (lambda _: True, ANYTHING),
    (lambda operation: "security" in operation, (*STORED, *LIMITED, *FULL)),
    (lambda operation: "security" in operation, ("unauthorized", "identity-unavailable")),
    (lambda operation: "x-roles" in operation, ("forbidden",)),
    (lambda operation: _named(operation) - {"slug", "Prefer"}, ("invalid-request",)),
    (lambda operation: "requestBody" in operation, ("invalid-request",)),
    (
        lambda operation: "requestBody" in operation or "Idempotency-Key" in _named(operation),
        ("bad-request", "body-too-large"),
    ),
    (
        lambda operation: "Idempotency-Key" in _named(operation),
        ("idempotency-key-in-use", "idempotency-key-reused"),
    ),
    (lambda operation: "cursor" in _named(operation), ("bad-cursor",)),
    (
        lambda operation: "Consistency-Token" in _named(operation),
        ("bad-consistency-token", "projection-behind"),
    ),
)
"""What an operation has, and the problems that come with it."""

MEMBERS: dict[str, dict[str, Any]] = {
    "connection-exists": {"connection_id": CONNECTION_ID},
    "sync-already-running": {"sync_id": SYNC_ID},
    "invalid-request": {
        "errors": [{"loc": ["body", "api_token"], "msg": "Field required", "type": "missing"}]
    },
    "not-ready": {"components": {"database": "ok", "migrations": "0005_idempotency not applied"}},
}
WAIT_AND_REPEAT = (429, 503)
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer you have: 304 when it is still the same",
}
HEADERS = {
    "X-Request-ID": "The id of this request: as you sent it, or drawn anew",
    "ETag": "Names this very answer",
    "Consistency-Token": "Send it back with a read to have the effect included",
    "Retry-After": "Seconds to wait before you ask again",
    "Location": "Where it is",
}


def described(app: FastAPI) -> dict[str, Any]:
    """The document of an application, worked out once."""
    if app.openapi_schema is None:
        document = app.openapi()
        document["info"]["description"] = ABOUT
        document["servers"] = [{"url": "/", "description": "The service this comes from"}]
        document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
        document["components"]["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in HEADERS.items()
        }
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _complete(operation, path, is_read=method == "get")
    return app.openapi_schema or {}


def _named(operation: Operation) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ())}


def _complete(operation: Operation, path: str, *, is_read: bool) -> None:
    responses = operation["responses"]
    own = responses.pop("default", {}).get("x-problems", ())
    [(status, success)] = responses.items()
    _head(success, "X-Request-ID", *(["Location"] if status == "201" else []))
    is_document = _tidy(success.get("content", {}))
    if not is_read:
        _head(success, "Consistency-Token")
    elif is_document and "Consistency-Token" in _named(operation):
        operation["parameters"].append(IF_NONE_MATCH)
        _head(success, "ETag")
        responses["304"] = {"description": "You have it already"}
        _head(responses["304"], "X-Request-ID", "ETag")
    for status, slugs in _by_status({*own, *_shared(operation)}):
        responses[status] = _problems(slugs, path)


def _tidy(content: dict[str, Any]) -> bool:
    """Give every shape its example, and leave one kind of content; whether that is JSON."""
    if len(content) > 1:
        content.pop("application/json")  # FastAPI's guess
    for media in content.values():
        if reference := media["schema"].get("$ref"):
            media["schema"] = {"$ref": reference}
            media["example"] = example_of(reference.rpartition("/")[2])
    return "application/json" in content


def _head(answer: dict[str, Any], *names: str) -> None:
    headers = answer.setdefault("headers", {})
    headers.update({name: {"$ref": f"#/components/headers/{name}"} for name in names})


def _shared(operation: Operation) -> Iterator[str]:
    for has, slugs in SHARED:
        if has(operation):
            yield from slugs


def _by_status(slugs: set[str]) -> Iterator[tuple[str, list[str]]]:
    for status in sorted({KINDS[slug].status for slug in slugs}):
        yield str(status), sorted(slug for slug in slugs if KINDS[slug].status == status)


def _problems(slugs: list[str], path: str) -> dict[str, Any]:
    """The answer of one status: which problems it may be, each with an example."""
    told = "\n".join(f"- `{slug}`: {KINDS[slug].title}. {KINDS[slug].advice}" for slug in slugs)
    answer: dict[str, Any] = {
        "description": told,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                "examples": {slug: _example(slug, path) for slug in slugs},
            }
        },
    }
    waiting = any(KINDS[slug].status in WAIT_AND_REPEAT for slug in slugs)
    _head(answer, "X-Request-ID", *(["Retry-After"] if waiting else []))
    return answer


def _example(slug: str, path: str) -> dict[str, Any]:
    kind = KINDS[slug]
    value = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.advice,
        "instance": path.replace("{connection_id}", CONNECTION_ID),
        "request_id": f"example-of-{AT[:10]}",
        **MEMBERS.get(slug, {}),
    }
    return {"summary": kind.title, "value": value}
