"""`easeboard token`: signs a token for development, with the claims that Supabase issues."""

import time
from uuid import UUID

import jwt

from infrastructure.settings.settings import Settings
from interfaces.cli.errors import CommandFailed
from interfaces.http.auth.jwks_download import issuer_of
from interfaces.http.auth.signing_secret import signing_secret


def sign_token(settings: Settings, user_id: UUID, role: str, ttl_seconds: int) -> str:
    """Return a token (JWT, HS256) of a user with one role.

    Raises: CommandFailed if there is no secret to sign it with.
    """
    secret = signing_secret(settings)
    if not secret:
        raise CommandFailed(
            "There is no secret to sign a token with: set SUPABASE_JWT_SECRET, or unset both "
            "DATABASE_URL and SUPABASE_URL to use the secret of the embedded database."
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
    if issuer := issuer_of(settings.supabase_url, settings.supabase_issuer):
        claims["iss"] = issuer
    return jwt.encode(claims, secret, algorithm="HS256")
