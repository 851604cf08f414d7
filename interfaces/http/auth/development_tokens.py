"""Signs tokens for development, with the claims that Supabase issues."""

import time
from uuid import UUID

import jwt

from infrastructure.settings.settings import Settings
from interfaces.http.auth.jwks_download import issuer_of
from interfaces.http.auth.signing_secret import signing_secret


class NoSigningSecret(Exception):
    """No secret is configured with which a token could be signed; the message has the settings."""

    def __init__(self) -> None:
        super().__init__(
            "There is no secret to sign a token with: set SUPABASE_JWT_SECRET, or unset both "
            "DATABASE_URL and SUPABASE_URL to use the secret of the embedded database."
        )


def sign_token(
    settings: Settings, user_id: UUID, role: str, ttl_seconds: int, now: int | None = None
) -> str:
    """Return a token (JWT, HS256) of a user with one role; `now` is in seconds of Unix time.

    Raises: NoSigningSecret.
    """
    secret = signing_secret(settings)
    if not secret:
        raise NoSigningSecret
    issued_at = int(time.time()) if now is None else now
    claims = {
        "sub": str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": issued_at,
        "exp": issued_at + ttl_seconds,
        "app_metadata": {"role": role, "roles": [role]},
    }
    if issuer := issuer_of(settings.supabase_url, settings.supabase_issuer):
        claims["iss"] = issuer
    return jwt.encode(claims, secret, algorithm="HS256")
