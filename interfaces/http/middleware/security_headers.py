"""The security headers of every response: strict, and relaxed only for our own HTML pages."""

from secure import Secure
from secure.headers import (
    ContentSecurityPolicy,
    CrossOriginResourcePolicy,
    ReferrerPolicy,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from starlette.types import Scope

HeaderPairs = tuple[tuple[bytes, bytes], ...]

HSTS_MAX_AGE_SECONDS = 365 * 24 * 60 * 60
DOCS_PATH, CONSOLE_PATH = "/docs", "/console"


def _strict_policy() -> ContentSecurityPolicy:
    return ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'")


def _page_policy() -> ContentSecurityPolicy:
    return _strict_policy().base_uri("'none'").form_action("'none'").connect_src("'self'")


def _render_headers(policy: ContentSecurityPolicy) -> HeaderPairs:
    """Return all security headers with this policy, as ASGI name and value pairs."""
    secured = Secure(
        csp=policy,
        corp=CrossOriginResourcePolicy().same_origin(),
        referrer=ReferrerPolicy().no_referrer(),
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
    ).validate_and_normalize_headers()
    items = secured.headers.items()
    return tuple((name.lower().encode(), value.encode()) for name, value in items)


STRICT_HEADERS = _render_headers(_strict_policy())
DOCS_HEADERS = _render_headers(
    _page_policy()
    .script_src("'self'")
    .style_src("'self'", "'unsafe-inline'")
    .img_src("'self'", "data:")
)
"""Swagger UI needs inline styles. It loads nothing from other origins."""
CONSOLE_HEADERS = _render_headers(
    _page_policy()
    .script_src("'self'")
    .style_src("'self'")
    .img_src("'self'", "data:")
    .font_src("'self'")
)
HSTS_HEADER = (
    b"strict-transport-security",
    StrictTransportSecurity().max_age(HSTS_MAX_AGE_SECONDS).header_value.encode(),
)
"""Sent over https only, which a trusted proxy can report (`TRUSTED_PROXIES`)."""


def security_headers(scope: Scope) -> HeaderPairs:
    """Return the security headers of the response to a request, by path and scheme."""
    path: str = scope["path"]
    headers = STRICT_HEADERS
    if path == DOCS_PATH:
        headers = DOCS_HEADERS
    elif path == CONSOLE_PATH or path.startswith(f"{CONSOLE_PATH}/"):
        headers = CONSOLE_HEADERS
    return (*headers, HSTS_HEADER) if scope["scheme"] == "https" else headers
