"""`easeboard keys rotate`: activates the newest master key, and rewraps what others encrypt."""

import time
from collections.abc import Callable
from typing import NamedTuple

from infrastructure.crypto.key_activation import (
    LIVE_SECONDS,
    activate_key,
    close_other_keys,
    find_late_writers,
    forget_unused_keys,
)
from infrastructure.crypto.key_check import check_master_key, use_active_key
from infrastructure.crypto.key_rewrapper import KeyRewrapper, OtherRecords
from infrastructure.crypto.key_status import KeyStatus, read_key_status
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.database_address import open_database, require_existing_database
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.queue.heartbeats import has_ended_here
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_line, progress_of_key_rotation
from interfaces.cli.runtime import configure
from interfaces.composition.startup_checks import ensure_migrated, load_master_keys

WRITERS_WAIT_SECONDS = LIVE_SECONDS + 10
"""How long the processes may take to encrypt with the new key; a dead one is then not listed."""
POLL_SECONDS = 0.25
MAX_IDLE_PASSES = 20
"""Passes in a row that find only rows that others use, or that no key decrypts."""


class Rotation(NamedTuple):
    """What a rotation did, and what is left under other keys."""

    activated: bool
    rewrapped: int
    seconds: float
    remaining: OtherRecords
    status: KeyStatus


def run_rotation(*, json: bool) -> None:
    """Rotate the master key and print what was done.

    Raises:
        KeyNotActivated: If a live process does not have the newest key.
        CommandFailed: If a process does not use the newest key in time.
        WrongMasterKey: If a key that the database needs is missing.
        SystemExit: With exit code 1 if a record remains under another key.
    """
    settings = configure()
    require_existing_database(settings)
    ring = load_master_keys(settings)
    with open_database(settings) as url:
        ensure_migrated(settings, url)
        # One connection holds rows while the other one reads what they belong to.
        with open_write_pool(url, size=2) as pool:
            check_master_key(pool, ring)
            with progress_of_key_rotation(show=not json) as bars:
                bar = bars.add_task(f"Encrypting with {ring.newest.id}", total=None)

                def update(done: int, total: int) -> None:
                    bars.update(bar, completed=done, total=total)

                rotation = rotate(pool, ring, update)
    if json:
        print_json(_to_document(rotation))
    else:
        _print_rotation(rotation)
    if rotation.remaining.total:
        raise SystemExit(1)


def rotate(pool: WritePool, ring: KeyRing, on_progress: Callable[[int, int], None]) -> Rotation:
    """Make the newest key the active one, and encrypt every stored key with it.

    `on_progress` gets the numbers of records that are done, and of all.

    Raises: KeyNotActivated and CommandFailed as `run_rotation`; DatabaseBusy and
    DatabaseUnavailable.
    """
    activated = activate_key(pool, ring.newest, is_gone=has_ended_here)
    use_active_key(ring, ring.newest.id)
    _wait_for_writers(pool, ring)
    close_other_keys(pool, ring.newest)
    started_at = time.monotonic()
    rewrapped, remaining = _rewrap_all(KeyRewrapper(pool, ring), on_progress)
    seconds = time.monotonic() - started_at
    forget_unused_keys(pool)
    return Rotation(activated, rewrapped, seconds, remaining, read_key_status(pool, ring))


def _wait_for_writers(pool: WritePool, ring: KeyRing) -> None:
    deadline = time.monotonic() + WRITERS_WAIT_SECONDS
    while late := find_late_writers(pool, ring.newest, is_gone=has_ended_here):
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"The master key {ring.newest.id} is active, but these processes still encrypt "
                f"with another one: {'; '.join(map(str, late))}. Restart them, then run easeboard "
                "keys rotate again."
            )
        time.sleep(POLL_SECONDS)


def _rewrap_all(
    rewrapper: KeyRewrapper, on_progress: Callable[[int, int], None]
) -> tuple[int, OtherRecords]:
    """Make passes until nothing is left, or nothing can be done; return how many were done."""
    done, idle_passes = 0, 0
    remaining = rewrapper.count_others()

    def count(rewrapped: int) -> None:
        nonlocal done
        done += rewrapped
        on_progress(done, max(done, total))

    while remaining.total and idle_passes < MAX_IDLE_PASSES:
        total = done + remaining.total
        if rewrapper.run_pass(count):
            idle_passes = 0
        else:
            idle_passes += 1
            time.sleep(POLL_SECONDS)
        remaining = rewrapper.count_others()
    on_progress(done, done + remaining.total)
    return done, remaining


def _to_document(rotation: Rotation) -> dict[str, object]:
    return {
        "active": rotation.status.active,
        "activated": rotation.activated,
        "rewrapped": rotation.rewrapped,
        "seconds": round(rotation.seconds, 3),
        "remaining": rotation.remaining._asdict(),
        "removable": rotation.status.removable,
    }


def _print_rotation(rotation: Rotation) -> None:
    active, rewrapped, seconds = rotation.status.active, rotation.rewrapped, rotation.seconds
    if rotation.activated:
        print_line(f"The master key {active} is the active one now.")
    if rewrapped:
        rate = rewrapped / max(seconds, 0.001)
        print_line(
            f"Encrypted {rewrapped:,} records with {active} in {seconds:.1f} s ({rate:,.0f}/s)."
        )
    elif not rotation.activated:
        print_line(f"Every record is encrypted with the active master key {active} already.")
    for step in rotation.status.describe():
        print_line(f"{step}.")
    if rotation.remaining.total:
        people, tokens, seal_keys = rotation.remaining
        print_line(
            f"{people} person keys, {tokens} tokens and {seal_keys} keys of the seals are still "
            "under another key, which is not configured or does not decrypt them. Add the missing "
            "key to CANVAS_ENCRYPTION_KEY. Tokens that belong to no connection are destroyed "
            "within 10 minutes by the scheduler."
        )
