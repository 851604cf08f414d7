"""Compares all headers of each kind of response, except those that vary with the request."""

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.http.auth.console_options import ConsoleOptions, SupabaseSignIn
from interfaces.http.middleware.security_headers import page_headers, security_headers
from tests.dev_tokens import bearer_headers
from tests.interfaces.http.conftest import ORIGIN
from tests.interfaces.http.fake_reads import HEAD, token_at
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
VARIABLE_HEADERS = {
    "content-length",
    "date",
    "etag",
    "x-request-id",
    "ratelimit",
    "ratelimit-remaining",
}
VARIABLE_HEADERS |= {"ratelimit-reset", "transfer-encoding"}

COMMON_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
USER_RATE_LIMIT = {"ratelimit-policy": '"default";q=6000;w=60', "ratelimit-limit": "6000"}
ANONYMOUS_RATE_LIMIT = {"ratelimit-policy": '"strangers";q=3000;w=60', "ratelimit-limit": "3000"}
PROBLEM = {"content-type": "application/problem+json", "cache-control": "no-store"}
JSON = {"content-type": "application/json"}
EXPOSED = (
    "Allow, Consistency-Token, Content-Disposition, ETag, Idempotency-Replayed, Location, "
    "RateLimit, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, "
    "Retry-After, WWW-Authenticate, X-Request-ID"
)
ALLOWED_ORIGIN = {
    "access-control-allow-origin": ORIGIN,
    "access-control-expose-headers": EXPOSED,
}
DOCS_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "connect-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
CONSOLE_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; require-trusted-types-for 'script'"
)
CONDITIONAL = {"cache-control": "private, no-cache"}
COMPRESSED = {"content-encoding": "gzip", "vary": "Accept-Encoding, Origin"}
READ = {**CONDITIONAL, "consistency-token": token_at(HEAD)}

CASES: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "read": ("GET", COURSES, bearer_headers(), {**JSON, **READ, **USER_RATE_LIMIT}),
    "unchanged": (
        "GET",
        COURSES,
        {**bearer_headers(), "If-None-Match": "*"},
        {**READ, **USER_RATE_LIMIT},
    ),
    "allowed origin": (
        "GET",
        COURSES,
        {**bearer_headers(), "Origin": ORIGIN},
        {**JSON, **READ, **USER_RATE_LIMIT, **ALLOWED_ORIGIN},
    ),
    "other origin": (
        "GET",
        COURSES,
        {**bearer_headers(), "Origin": "https://evil.example"},
        {**JSON, **READ, **USER_RATE_LIMIT, **ALLOWED_ORIGIN, "access-control-allow-origin": ""},
    ),
    "command": (
        "POST",
        f"/api/v1/canvas/connections/{CONNECTION_ID}/sync",
        bearer_headers(),
        {
            **JSON,
            "cache-control": "no-store",
            "consistency-token": token_at(7),
            "ratelimit-policy": '"sync";q=600;w=60',
            "ratelimit-limit": "600",
        },
    ),
    "closed": (
        "DELETE",
        f"/api/v1/canvas/connections/{CONNECTION_ID}",
        bearer_headers(),
        {
            "cache-control": "no-store",
            "consistency-token": token_at(7),
            **USER_RATE_LIMIT,
        },
    ),
    "anonymous": (
        "GET",
        COURSES,
        {},
        {**PROBLEM, **ANONYMOUS_RATE_LIMIT, "www-authenticate": "Bearer"},
    ),
    "invalid": ("GET", f"{COURSES}?limit=0", bearer_headers(), {**PROBLEM, **USER_RATE_LIMIT}),
    "unknown path": ("GET", "/nowhere", {}, {**PROBLEM, **ANONYMOUS_RATE_LIMIT}),
    "wrong method": (
        "PATCH",
        COURSES,
        bearer_headers(),
        {**PROBLEM, **USER_RATE_LIMIT, "allow": "GET, HEAD"},
    ),
    "liveness": ("GET", "/health/live", {}, {**JSON, "cache-control": "no-store"}),
    "openapi document": (
        "GET",
        "/openapi.json",
        {},
        {**JSON, **CONDITIONAL, **COMPRESSED, **ANONYMOUS_RATE_LIMIT},
    ),
    "docs page": (
        "GET",
        "/docs",
        {},
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": DOCS_POLICY,
            **ANONYMOUS_RATE_LIMIT,
        },
    ),
    "console": (
        "GET",
        "/",
        {},
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": CONSOLE_POLICY,
            "cache-control": "no-cache",
            **COMPRESSED,
            **ANONYMOUS_RATE_LIMIT,
        },
    ),
}


@pytest.mark.parametrize("kind", CASES)
async def test_every_header_of_a_response(app: FastAPI, service: FakeService, kind: str) -> None:
    service.appended_position = 7
    method, path, headers, expected = CASES[kind]
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        response = await client.request(method, path, headers=headers)
    found = {
        name: value for name, value in response.headers.items() if name not in VARIABLE_HEADERS
    }
    assert found == {name: value for name, value in {**COMMON_HEADERS, **expected}.items() if value}
    assert "x-request-id" in response.headers


async def test_an_internal_error_has_the_same_headers(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = RuntimeError("internal detail")
    response = await ada.get(COURSES)
    found = {
        name: value for name, value in response.headers.items() if name not in VARIABLE_HEADERS
    }
    assert found == {**COMMON_HEADERS, **PROBLEM}


@pytest.mark.parametrize("path", ["/", "/console", "/consoles", "//", "/docs/more", "/problems"])
def test_only_our_own_pages_have_a_relaxed_policy(path: str) -> None:
    for console in (ConsoleOptions(), None):
        headers = dict(security_headers({"path": path, "scheme": "http"}, page_headers(console)))
        policy = headers[b"content-security-policy"]
        assert policy.startswith(b"default-src 'none'; frame-ancestors 'none'")
        assert (b"script-src 'self'" in policy) == (path == "/" and console is not None)
        assert b"unsafe-inline" not in policy


def test_the_console_may_send_requests_to_the_configured_origins_only() -> None:
    console = ConsoleOptions(
        supabase=SupabaseSignIn("https://abc.supabase.co/x", "key"),
        control_url="http://127.0.0.1:9000/sandbox",
    )
    headers = dict(security_headers({"path": "/", "scheme": "http"}, page_headers(console)))
    policy = headers[b"content-security-policy"].decode()
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["connect-src"] == "'self' https://abc.supabase.co http://127.0.0.1:9000"
    assert {directives[name] for name in ("script-src", "style-src")} == {"'self'"}
    forbidden = ("default-src", "base-uri", "form-action", "frame-ancestors")
    assert {directives[name] for name in forbidden} == {"'none'"}


async def test_https_reported_by_a_local_proxy_adds_hsts(app: FastAPI) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        response = await client.get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert response.headers["strict-transport-security"] == "max-age=31536000"
