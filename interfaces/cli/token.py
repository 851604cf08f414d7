"""`easeboard token`: a token as Supabase would give one, for development."""

import time
from uuid import UUID

import jwt

from infrastructure.settings import Settings
from interfaces.cli.errors import Failure
from interfaces.http.auth.dev_secret import signing_secret


def make_token(settings: Settings, user: UUID, role: str, ttl: int) -> str:
    """Sign a token for a user; raises Failure where there is no secret to sign with."""
    secret = signing_secret(settings)
    if not secret:
        raise Failure(
            "There is nothing to sign a token with: set SUPABASE_JWT_SECRET, or leave DATABASE_URL "
            "and SUPABASE_URL empty for the embedded database, which brings its own."
        )
    now = int(time.time())
    claims = {
        "sub": str(user),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + ttl,
        "app_metadata": {"role": role, "roles": [role]},
    }
    if settings.supabase_url:
        claims["iss"] = settings.supabase_url.rstrip("/") + "/auth/v1"
    return jwt.encode(claims, secret, algorithm="HS256")
