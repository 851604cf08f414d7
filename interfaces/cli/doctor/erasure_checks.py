"""Checks of erasures: the service key, what is left to do, and whether a restore lost one."""

import asyncio

from infrastructure.crypto.auth_user_deletions import AuthUserDeletions
from infrastructure.crypto.erasures import SELECT_ERASED
from infrastructure.seals.erased_people import TombstoneFiles, TombstonesUnreadable
from interfaces.cli.doctor.check import Check, CheckFailed, Installation, Warned
from interfaces.http.auth.auth_users import AuthUserNotDeleted, configured_auth_users
from interfaces.queries.sentence_parts import counted


async def check_service_key(installation: Installation) -> str | Warned:
    """Check that Supabase accepts the service key, with a request that changes nothing."""
    settings = installation.settings
    if settings.supabase_service_key is None:
        return "not configured: an erasure keeps the user at Supabase (SUPABASE_SERVICE_KEY)"
    auth_users = configured_auth_users(settings)
    if auth_users is None:
        return Warned("SUPABASE_SERVICE_KEY is not used, because SUPABASE_URL is not set")
    try:
        await auth_users.check_key()
    except AuthUserNotDeleted as problem:
        raise CheckFailed(f"No user can be deleted at Supabase: {problem}.") from None
    return "Supabase accepts the service key"


async def check_erasures(installation: Installation) -> str | Warned:
    """Check that no erasure is unfinished, and that none was lost by a restore."""
    lost = await _lost_erasures(installation)
    if lost:
        raise CheckFailed(
            f"This database lost {counted(lost, 'erasure')}, whose files are in SEAL_DIR: it was "
            "restored from a backup. A running easeboard serve erases again within seconds; start "
            "one, which does it before it serves anybody."
        )
    left = await AuthUserDeletions(installation.reads).open_erasures()
    if left.unswept:
        raise CheckFailed(
            f"Rows of {counted(left.unswept, 'erased person', 'erased people')} may be left, "
            "because a read model is locked or is being rebuilt, or no process has the role "
            "scheduler; the log message erasure_follow_up_postponed has the reason."
        )
    if left.waiting_users:
        reason = f": {left.last_error}" if left.last_error else ""
        return Warned(f"{left.waiting_users} users wait for their deletion at Supabase{reason}")
    return "nothing is left to do"


async def _lost_erasures(installation: Installation) -> int:
    directory = installation.settings.seal_directory
    if directory is None:
        return 0
    try:
        kept = await asyncio.to_thread(TombstoneFiles(directory).people)
    except TombstonesUnreadable as problem:
        raise CheckFailed(str(problem)) from None
    async with installation.reads.connection() as connection:
        cursor = await connection.execute(SELECT_ERASED, {"only": None})
        erased = {person_id for person_id, _ in await cursor.fetchall()}
    return len(kept - erased)


ERASURE_CHECKS = (
    Check("service key", check_service_key, ("supabase_url", "supabase_service_key")),
    Check("erasures", check_erasures, ("database", "migrations")),
)
