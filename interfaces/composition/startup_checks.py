"""How a process migrates its database and finds its keys, if it is embedded or configured."""

from collections.abc import Collection, Iterator
from ipaddress import IPv6Address, ip_address
from typing import Any

import structlog

from infrastructure.all_migrations import apply_migrations, schema_state
from infrastructure.crypto.key_file import read_or_create_key
from infrastructure.crypto.master_key import (
    InvalidMasterKey,
    KeyRing,
    parse_key_ring,
    require_strong_newest_key,
)
from infrastructure.postgres.database_address import migration_address
from infrastructure.postgres.migration_files import MigrationRefused, load_migrations
from infrastructure.postgres.pooler_check import check_pooler
from infrastructure.seals.witness_client.witness_policy import WitnessPolicyUnusable
from infrastructure.settings.invalid_settings import InvalidSettings, home_problem, require_home
from infrastructure.settings.secret_strength import WAY_OUT
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.unknown_settings import find_unknown_settings
from interfaces.composition.witnesses import witness_policy

NO_ISSUER = "The tokens of clients cannot be verified: set SUPABASE_URL or SUPABASE_JWT_SECRET."

logger = structlog.get_logger()


def ensure_migrated(settings: Settings, url: str) -> None:
    """Migrate the embedded database, or check that a configured one can be used.

    A configured one may have migrations of a newer release, which do not break this one.

    Raises:
        MigrationRefused: If migrations are missing in a configured database. Only `easeboard
            migrate` applies them, so that its operator chooses the time.
        PoolerRefused: If a pooler before a configured database does not keep sessions.
        PostgresUnavailable: If the database cannot be reached.
    """
    if settings.embedded:
        apply_migrations(migration_address(settings, url))
    else:
        require_migrated(settings, url)


def require_migrated(settings: Settings, url: str) -> None:
    """Check that this program can use the schema of the database; changes nothing.

    Raises: MigrationRefused if migrations are missing; otherwise as `ensure_migrated`.
    """
    if not settings.embedded:
        check_pooler(url)
    state = schema_state(url)
    if state.required:
        step = "easeboard serve applies them." if settings.embedded else "Run easeboard migrate."
        raise MigrationRefused(
            f"Migrations are missing in the database: {', '.join(state.required)}. "
            f"{_supported_range()} {step}"
        )
    if state.missing:
        logger.warning("schema_is_older", missing=state.missing, advice="run easeboard migrate")
    if state.newer:
        logger.warning("schema_is_newer", unknown=state.newer, supported=_supported_range())


def _supported_range() -> str:
    """Return with which schemas this program works."""
    needed = [each.name for each in load_migrations() if each.is_needed_at_start]
    return (
        f"This easeboard works with a schema that has {needed[-1]}, or a newer one "
        "that does not state that it breaks this release."
    )


def require_private_secrets(settings: Settings, host: str) -> None:
    """Refuse published secrets if others can reach the process over the network.

    With a configured database they are not valid settings at all.

    Raises: InvalidSettings.
    """
    names = settings.published_secrets()
    if names and not _is_loopback(host):
        problem = (
            f"{' and '.join(names)} must not be a published example with --host {host}, because it "
            f"is known to all: {WAY_OUT}, or listen on 127.0.0.1."
        )
        raise InvalidSettings([problem], [name.lower() for name in names])


def read_service_settings(host: str, roles: Collection[str], **overrides: Any) -> Settings:
    """Read the settings of a service with these roles that listens on a host.

    `overrides` take precedence over the environment.

    Raises: InvalidSettings with every problem: malformed values, what is missing, and then also
        the names that are none of a setting.
    """
    try:
        settings = read_settings(**overrides)
        names, problems = frozenset[str](), list[str]()
    except InvalidSettings as error:
        if not error.names:
            raise
        names, problems = error.names, list(error.problems)
        settings = read_settings(**{**overrides, **Settings.instead_of(error.names)})
    problems += _secret_problems(settings, host)
    problems += _file_problems(settings)
    issuers = {"supabase_url", "supabase_jwt_secret"}
    if problems and "api" in roles and not (_has_issuer(settings) or issuers & names):
        problems.append(NO_ISSUER)
    if problems:
        unknown = [f"{found.describe()}." for found in find_unknown_settings()]
        raise InvalidSettings([*problems, *unknown], names)
    return settings


def log_missing_issuer(settings: Settings) -> None:
    """Log a warning if no token of a client can be verified; everything else still works."""
    if not _has_issuer(settings):
        logger.warning("sign_in_impossible", reason=NO_ISSUER)


def _has_issuer(settings: Settings) -> bool:
    return bool(settings.embedded or settings.supabase_url or settings.supabase_jwt_secret)


def _secret_problems(settings: Settings, host: str) -> Iterator[str]:
    if settings.canvas_encryption_key or not settings.embedded:
        try:
            load_master_keys(settings)
        except InvalidMasterKey as error:
            yield str(error)
    try:
        require_private_secrets(settings, host)
    except InvalidSettings as error:
        yield from error.problems


def _file_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the directory of the embedded database and the file of witnesses."""
    if settings.embedded and (problem := home_problem(settings.home)):
        yield problem
    try:
        witness_policy(settings)
    except WitnessPolicyUnusable as error:
        yield str(error)


def secret_notices(settings: Settings) -> list[str]:
    """Return what is permitted and should be known about the secrets; changes nothing."""
    notices = [
        f"{name} is a published example, which is accepted only with the embedded database and "
        f"a loopback address: {WAY_OUT}"
        for name in settings.published_secrets()
    ]
    if settings.supabase_url and settings.supabase_jwt_secret:
        notices.append(
            "both SUPABASE_URL and SUPABASE_JWT_SECRET are set, so tokens of both kinds are "
            "accepted: unset SUPABASE_JWT_SECRET unless the project still signs with it"
        )
    return notices


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def load_master_keys(settings: Settings) -> KeyRing:
    """Return the configured master keys; the embedded database has a generated key in its home.

    Raises:
        InvalidMasterKey: If CANVAS_ENCRYPTION_KEY is malformed or its first key can be guessed, or
            if it is not set although DATABASE_URL is.
        KeyFileUnusable: If the file with the generated key cannot be read or created.
        InvalidSettings: If EASEBOARD_HOME cannot have the generated key.
    """
    if settings.canvas_encryption_key:
        text = settings.canvas_encryption_key.get_secret_value()
        ring = parse_key_ring(text)
        require_strong_newest_key(text)
        return ring
    if settings.embedded:
        require_home(settings.home, 0o755)
        return parse_key_ring(read_or_create_key(settings.home / "master-key"))
    raise InvalidMasterKey(
        "CANVAS_ENCRYPTION_KEY is not set, and it is required with DATABASE_URL; see .env.example."
    )
