"""Checks of the settings, which need no database: names, secrets, limits of the process."""

from infrastructure.crypto.master_key import KeyRing
from infrastructure.seals.witness_client.witness_policy import WitnessPolicyUnusable
from infrastructure.settings.invalid_settings import home_problem
from interfaces.cli.doctor.check import (
    Check,
    CheckFailed,
    Installation,
    Warned,
)
from interfaces.composition.startup_checks import load_master_keys, secret_notices
from interfaces.composition.unknown_settings import find_unknown_settings, ignored_env_file
from interfaces.composition.witnesses import witness_policy


async def check_names(_: Installation) -> str | Warned:
    """Find variables that look like settings and are none."""
    unknown = find_unknown_settings()
    ignored = ignored_env_file()
    detail = "; ".join([*(found.describe() for found in unknown), *ignored])
    if any(found.similar for found in unknown):
        raise CheckFailed(detail)
    if detail:
        return Warned(detail)
    return "every variable that begins like a setting is one"


async def check_home(installation: Installation) -> str:
    """Check that the directory of the embedded database can be written; create nothing."""
    settings = installation.settings
    if not settings.embedded:
        return "not used: the database is that of DATABASE_URL"
    if problem := home_problem(settings.home):
        raise CheckFailed(problem)
    return f"{settings.home} can be written to"


async def check_master_key_setting(installation: Installation) -> str:
    """Check that the master keys can be parsed; change nothing.

    Whether the database needs a key that is missing is found by the check `keys`.
    """
    settings = installation.settings
    key_file = settings.home / "master-key"
    if settings.canvas_encryption_key is None and settings.embedded and not key_file.exists():
        return f"none in {settings.home}; easeboard serve generates one for a new database"
    installation.ring = load_master_keys(settings)
    return f"CANVAS_ENCRYPTION_KEY has {_describe(installation.ring)}"


async def check_secrets(installation: Installation) -> str | Warned:
    """Find secrets that are accepted, and that the operator should replace or remove."""
    notices = secret_notices(installation.settings)
    return Warned("; ".join(notices)) if notices else "no secret is published"


async def check_witness_policy(installation: Installation) -> str:
    """Check that the file of the witnesses can be used."""
    try:
        policy = witness_policy(installation.settings)
    except WitnessPolicyUnusable as error:
        raise CheckFailed(str(error)) from None
    return "SEAL_WITNESSES can be used" if policy else "not configured (SEAL_WITNESSES)"


def _describe(ring: KeyRing) -> str:
    return f"{len(ring.ids)} keys: {', '.join(ring.ids)}" if len(ring.ids) > 1 else "one key"


CONFIGURATION_CHECKS = (
    Check("setting names", check_names),
    Check("home", check_home),
    Check("master key", check_master_key_setting, ("home",)),
    Check("secrets", check_secrets),
    Check("witness policy", check_witness_policy),
)
