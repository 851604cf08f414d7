"""The secret that signs development tokens: the configured one, or one drawn once at home."""

from infrastructure.crypto.key_file import read_or_create_key
from infrastructure.settings import Settings


def signing_secret(settings: Settings) -> str | None:
    """What HS256 tokens are signed with; None when only Supabase's own keys count.

    With the embedded database and nothing configured it is drawn once, into EASEBOARD_HOME.
    """
    if settings.supabase_jwt_secret:
        return settings.supabase_jwt_secret.get_secret_value()
    if not settings.embedded or settings.supabase_url:
        return None
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return read_or_create_key(settings.home / "jwt-secret")
