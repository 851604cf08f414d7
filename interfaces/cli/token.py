"""`easeboard token`: a token as Supabase would give one, for development."""

import time
from uuid import UUID

import jwt

from infrastructure.settings import Settings
from interfaces.cli.errors import CommandFailed
from interfaces.http.auth.dev_secret import signing_secret


def sign_token(settings: Settings, user_id: UUID, role: str, ttl_seconds: int) -> str:
    """Sign a token for a user; raises CommandFailed where there is no secret to sign with."""
    secret = signing_secret(settings)
    if not secret:
        raise CommandFailed(
            "There is nothing to sign a token with: set SUPABASE_JWT_SECRET, or leave DATABASE_URL "
            "and SUPABASE_URL empty for the embedded database, which brings its own."
        )
    now = int(time.time())
    claims = {
        "sub": str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + ttl_seconds,
        "app_metadata": {"role": role, "roles": [role]},
    }
    if settings.supabase_url:
        claims["iss"] = settings.supabase_url.rstrip("/") + "/auth/v1"
    return jwt.encode(claims, secret, algorithm="HS256")
