"""How a process migrates its database and finds its keys, if it is embedded or configured."""

from infrastructure.all_migrations import apply_migrations, missing_migrations
from infrastructure.crypto.key_file import read_or_create_key
from infrastructure.crypto.master_key import InvalidMasterKey, KeyRing, parse_key_ring
from infrastructure.postgres.migrate import MigrationRefused
from infrastructure.settings import Settings


def ensure_migrated(settings: Settings, url: str) -> None:
    """Migrate the embedded database, or check that a configured one has been migrated.

    Raises: MigrationRefused if migrations are missing in a configured database. Only
    `easeboard migrate` applies them, so that its operator chooses the time.
    """
    if settings.embedded:
        apply_migrations(url)
    elif missing := missing_migrations(url):
        raise MigrationRefused(
            f"Migrations are missing in the database: {', '.join(missing)}. Run easeboard migrate."
        )


def load_master_keys(settings: Settings) -> KeyRing:
    """Return the configured master keys; the embedded database has a generated key in its home.

    Raises: InvalidMasterKey if CANVAS_ENCRYPTION_KEY is malformed, or if it is not set although
    DATABASE_URL is.
    """
    if settings.canvas_encryption_key:
        return parse_key_ring(settings.canvas_encryption_key.get_secret_value())
    if settings.embedded:
        settings.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        return parse_key_ring(read_or_create_key(settings.home / "master-key"))
    raise InvalidMasterKey(
        "CANVAS_ENCRYPTION_KEY is not set, and it is required with DATABASE_URL; see .env.example."
    )
