"""The security headers of every response: strict, and relaxed only for our own HTML pages."""

from collections.abc import Iterable, Mapping

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

from interfaces.http.auth.console_options import ConsoleOptions

HeaderPairs = tuple[tuple[bytes, bytes], ...]
PageHeaders = Mapping[str, HeaderPairs]
"""The security headers of our own pages by path."""

HSTS_MAX_AGE_SECONDS = 365 * 24 * 60 * 60
DOCS_PATH, CONSOLE_PATH, PROBLEM_PREFIX = "/docs", "/", "/problems/"


def _strict_policy() -> ContentSecurityPolicy:
    return ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'")


def _page_policy() -> ContentSecurityPolicy:
    return _strict_policy().base_uri("'none'").form_action("'none'")


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
    .connect_src("'self'")
    .script_src("'self'")
    .style_src("'self'", "'unsafe-inline'")
    .img_src("'self'", "data:")
)
"""Swagger UI needs inline styles. It loads nothing from other origins."""
PROBLEM_PAGE_HEADERS = _render_headers(_page_policy().style_src("'self'").img_src("'self'"))
"""A page that explains a problem has a style sheet and an icon, and no script."""
HSTS_HEADER = (
    b"strict-transport-security",
    StrictTransportSecurity().max_age(HSTS_MAX_AGE_SECONDS).header_value.encode(),
)
"""Sent over https only, which a trusted proxy can report (`TRUSTED_PROXIES`)."""


def page_headers(console: ConsoleOptions | None) -> PageHeaders:
    """Return the security headers of our own pages; without a console `/` is no page."""
    pages = {DOCS_PATH: DOCS_HEADERS}
    return pages | {CONSOLE_PATH: _console_headers(console.origins)} if console else pages


def security_headers(scope: Scope, pages: PageHeaders) -> HeaderPairs:
    """Return the security headers of the response to a request, by path and scheme."""
    path: str = scope["path"]
    is_problem = path.startswith(PROBLEM_PREFIX)
    headers = PROBLEM_PAGE_HEADERS if is_problem else pages.get(path, STRICT_HEADERS)
    return (*headers, HSTS_HEADER) if scope["scheme"] == "https" else headers


def _console_headers(origins: Iterable[str]) -> HeaderPairs:
    """Return the headers of the console, which may send requests to these other origins.

    With Trusted Types, no text can become markup or code by mistake.
    """
    return _render_headers(
        _page_policy()
        .connect_src("'self'", *origins)
        .script_src("'self'")
        .style_src("'self'")
        .img_src("'self'", "data:")
        .font_src("'self'")
        .require_trusted_types_for("'script'")
    )
