"""The security headers of every answer: strict, and relaxed for the pages people look at alone."""

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

Headers = tuple[tuple[bytes, bytes], ...]

YEAR = 365 * 24 * 60 * 60
DOCS, CONSOLE = "/docs", "/console"


def _policy() -> ContentSecurityPolicy:
    return ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'")


def _pages() -> ContentSecurityPolicy:
    return _policy().base_uri("'none'").form_action("'none'").connect_src("'self'")


def _emitted(policy: ContentSecurityPolicy) -> Headers:
    """The whole set, made once: an answer only takes it along."""
    secured = Secure(
        csp=policy,
        corp=CrossOriginResourcePolicy().same_origin(),
        referrer=ReferrerPolicy().no_referrer(),
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
    ).validate_and_normalize_headers()
    items = secured.headers.items()
    return tuple((name.lower().encode(), value.encode()) for name, value in items)


STRICT = _emitted(_policy())
OF_DOCS = _emitted(
    _pages().script_src("'self'").style_src("'self'", "'unsafe-inline'").img_src("'self'", "data:")
)
"""Swagger UI styles its elements one by one; it loads nothing from elsewhere."""
OF_CONSOLE = _emitted(
    _pages().script_src("'self'").style_src("'self'").img_src("'self'", "data:").font_src("'self'")
)
TO_STAY = (
    b"strict-transport-security",
    StrictTransportSecurity().max_age(YEAR).header_value.encode(),
)
"""Only over https, which a trusted proxy may say it was (`FORWARDED_ALLOW_IPS`)."""


def security(scope: Scope) -> Headers:
    """The security headers of the answer to a request."""
    path: str = scope["path"]
    headers = STRICT
    if path == DOCS:
        headers = OF_DOCS
    elif path == CONSOLE or path.startswith(f"{CONSOLE}/"):
        headers = OF_CONSOLE
    return (*headers, TO_STAY) if scope["scheme"] == "https" else headers
