"""The checks of the seals: whether the log is sealed, and what is published continues it."""

import asyncio
import os
from pathlib import Path

from infrastructure.postgres.pools import open_write_pool
from infrastructure.postgres.retry import with_retry
from infrastructure.seals.seal_agreement import find_disagreement
from infrastructure.seals.seal_directory import checkpoint_missing, published_checkpoint
from infrastructure.seals.seal_keys import SealKeyUnreadable, stored_signing_keys, verifier_keys
from infrastructure.seals.seal_lag import read_seal_lag
from infrastructure.seals.seal_store import TilesMissing
from infrastructure.seals.seal_writer import LogWentBackwards, load_tree
from infrastructure.settings.settings import Settings
from interfaces.cli.doctor.check import Check, CheckFailed, Installation, NotApplicable, Warned

MAX_LAG_SECONDS = 30.0
"""Age of an event that is not sealed, in seconds, above which something is wrong."""


async def check_seals(installation: Installation) -> str | Warned:
    """Check that the key can sign, that the log is sealed, and that the seals continue it."""
    lag = await read_seal_lag(installation.reads)
    keys = await verifier_keys(installation.reads)
    if not keys:
        raise NotApplicable("no key yet; a process with the role projector makes it")
    await asyncio.to_thread(_require_usable, installation)
    if lag.lag_seconds > MAX_LAG_SECONDS:
        raise CheckFailed(
            f"{lag.lag_events:,.0f} positions of the log are not sealed, for {lag.lag_seconds:,.0f}"
            " s: run a process with the role projector, and look for the log messages "
            "sealing_stopped and sealing_interrupted."
        )
    configured, origin = installation.settings.seal_origin, keys[0].name
    if origin.split("/")[0] != configured:
        return Warned(
            f"the log is signed as {origin}, so SEAL_ORIGIN={configured} counts for nothing: set "
            f"it to {origin.split('/')[0]}"
        )
    return f"{lag.size:,.0f} events are sealed, as {origin}"


def _require_usable(installation: Installation) -> None:
    """Require that the keys can be decrypted, and that the log has the last sealed event."""
    with open_write_pool(installation.url, size=1) as pool:
        try:
            with_retry(pool, load_tree)
            if ring := installation.ring:
                with_retry(pool, lambda connection: stored_signing_keys(connection, ring))
        except (LogWentBackwards, SealKeyUnreadable, TilesMissing) as error:
            raise CheckFailed(str(error)) from error


async def check_seal_directory(installation: Installation) -> str | Warned:
    """Check that the directory can be written, and that the database continues what is in it."""
    directory = installation.settings.seal_directory
    if directory is None:
        return Warned(
            "SEAL_DIR is not set, so the seals are only in the database: whoever can rewrite that "
            "can rewrite both"
        )
    disagreement = checkpoint_missing(directory) or await asyncio.to_thread(
        _find_disagreement, installation, directory
    )
    if disagreement:
        raise CheckFailed(disagreement)
    return await asyncio.to_thread(_describe, installation.settings, directory)


def _find_disagreement(installation: Installation, directory: Path) -> str | None:
    with open_write_pool(installation.url, size=1) as pool:
        return find_disagreement(pool, directory)


def _describe(settings: Settings, directory: Path) -> str:
    published = published_checkpoint(directory)
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        name = "SEAL_DIR" if settings.seal_dir else "EASEBOARD_HOME"
        raise CheckFailed(f"{nearest} cannot be written to: give this user the right ({name}).")
    if published is None:
        return f"nothing is published in {directory} yet"
    return f"{published.size:,} events are published in {directory}"


SEAL_CHECKS = (
    Check("seals", check_seals, ("database", "migrations", "master key", "keys")),
    Check("seal directory", check_seal_directory, ("database", "migrations")),
)
