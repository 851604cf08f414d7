"""`easeboard token`: signs a token for development, with the claims that Supabase issues."""

from uuid import UUID

from infrastructure.settings.settings import Settings
from interfaces.cli.errors import CommandFailed
from interfaces.http.auth import development_tokens
from interfaces.http.auth.development_tokens import NoSigningSecret


def sign_token(settings: Settings, user_id: UUID, role: str, ttl_seconds: int) -> str:
    """Return a token (JWT, HS256) of a user with one role.

    Raises: CommandFailed if there is no secret to sign it with.
    """
    try:
        return development_tokens.sign_token(settings, user_id, role, ttl_seconds)
    except NoSigningSecret as error:
        raise CommandFailed(str(error)) from None
