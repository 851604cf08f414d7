"""The secret for HS256 tokens: the configured one, or a generated one in EASEBOARD_HOME."""

from infrastructure.crypto.key_file import read_or_create_key
from infrastructure.settings.invalid_settings import require_home
from infrastructure.settings.settings import Settings

SIGNING_KEY_FILE = "jwt-secret"


def signing_secret(settings: Settings) -> str | None:
    """Return the secret that signs HS256 tokens, or None if only keys of Supabase are accepted.

    With the embedded database and no setting, it is generated once and stored in EASEBOARD_HOME.

    Raises: InvalidSettings if EASEBOARD_HOME cannot be created; KeyFileUnusable.
    """
    if settings.supabase_jwt_secret:
        return settings.supabase_jwt_secret.get_secret_value()
    if not settings.embedded or settings.supabase_url:
        return None
    # Others may pass through it, because the embedded PostgreSQL of root runs as another user and
    # that of a demo is further down. The file can be read by its owner only.
    require_home(settings.home, 0o711)
    return read_or_create_key(settings.home / SIGNING_KEY_FILE)
