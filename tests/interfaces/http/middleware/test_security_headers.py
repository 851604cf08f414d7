"""A snapshot: every header of each kind of answer, but those that are about the request alone."""

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.http.consistency import token_of
from interfaces.http.middleware.security_headers import security
from tests.dev_tokens import bearer
from tests.interfaces.http.conftest import ORIGIN
from tests.interfaces.http.fake_service import CONNECTION, Told
from tests.interfaces.loopback_server import serving

COURSES = "/api/v1/canvas/courses"
PASSING = {"content-length", "date", "etag", "x-request-id", "ratelimit", "ratelimit-remaining"}
PASSING |= {"ratelimit-reset", "transfer-encoding"}

ALWAYS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
PERSON = {"ratelimit-policy": '"default";q=6000;w=60', "ratelimit-limit": "6000"}
STRANGER = {"ratelimit-policy": '"strangers";q=3000;w=60', "ratelimit-limit": "3000"}
PROBLEM = {"content-type": "application/problem+json", "cache-control": "no-store"}
JSON = {"content-type": "application/json"}
EXPOSED = (
    "Consistency-Token, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Limit, "
    "RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"
)
ALLOWED_ORIGIN = {
    "access-control-allow-origin": ORIGIN,
    "access-control-expose-headers": EXPOSED,
}
DOCS_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "connect-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
READ = {"cache-control": "private, no-cache"}

ANSWERS: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "read": ("GET", COURSES, bearer(), {**JSON, **READ, **PERSON}),
    "unchanged": ("GET", COURSES, {**bearer(), "If-None-Match": "*"}, {**READ, **PERSON}),
    "from a page": (
        "GET",
        COURSES,
        {**bearer(), "Origin": ORIGIN},
        {**JSON, **READ, **PERSON, **ALLOWED_ORIGIN},
    ),
    "from another page": (
        "GET",
        COURSES,
        {**bearer(), "Origin": "https://evil.example"},
        {**JSON, **READ, **PERSON, **ALLOWED_ORIGIN, "access-control-allow-origin": ""},
    ),
    "command": (
        "POST",
        f"/api/v1/canvas/connections/{CONNECTION}/sync",
        bearer(),
        {
            **JSON,
            "cache-control": "no-store",
            "consistency-token": token_of(7),
            "ratelimit-policy": '"sync";q=600;w=60',
            "ratelimit-limit": "600",
        },
    ),
    "gone": (
        "DELETE",
        f"/api/v1/canvas/connections/{CONNECTION}",
        bearer(),
        {"cache-control": "no-store", "consistency-token": token_of(7), **PERSON},
    ),
    "stranger": ("GET", COURSES, {}, {**PROBLEM, **STRANGER, "www-authenticate": "Bearer"}),
    "wrong": ("GET", f"{COURSES}?limit=0", bearer(), {**PROBLEM, **PERSON}),
    "nowhere": ("GET", "/nowhere", {}, {**PROBLEM, **STRANGER}),
    "wrong method": ("PATCH", COURSES, bearer(), {**PROBLEM, **PERSON, "allow": "GET, HEAD"}),
    "alive": ("GET", "/health/live", {}, {**JSON, "cache-control": "no-store"}),
    "document": ("GET", "/openapi.json", {}, {**JSON, **READ, **STRANGER}),
    "page": (
        "GET",
        "/docs",
        {},
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": DOCS_POLICY,
            **STRANGER,
        },
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_header_of_an_answer(app: FastAPI, told: Told, kind: str) -> None:
    told.position = 7
    method, path, headers, expected = ANSWERS[kind]
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        answer = await client.request(method, path, headers=headers)
    found = {name: value for name, value in answer.headers.items() if name not in PASSING}
    assert found == {name: value for name, value in {**ALWAYS, **expected}.items() if value}
    assert "x-request-id" in answer.headers


async def test_an_unexpected_fault_has_them_too(ada: httpx2.AsyncClient, told: Told) -> None:
    told.raises = RuntimeError("the inside")
    answer = await ada.get(COURSES)
    found = {name: value for name, value in answer.headers.items() if name not in PASSING}
    assert found == {**ALWAYS, **PROBLEM}


@pytest.mark.parametrize("path", ["/console", "/console/people/1", "/consoles", "/docs/more"])
def test_only_our_own_pages_are_relaxed(path: str) -> None:
    headers = dict(security({"path": path, "scheme": "http"}))
    is_console = path.split("/")[1] == "console"
    policy = headers[b"content-security-policy"]
    assert policy.startswith(b"default-src 'none'; frame-ancestors 'none'")
    assert (b"script-src 'self'" in policy) == is_console
    assert b"unsafe-inline" not in policy


async def test_https_said_by_a_proxy_of_this_machine_is_to_stay(app: FastAPI) -> None:
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        answer = await client.get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
