"""`easeboard syncing`: shows whether this database may sync, and turns it on or off."""

from typing import Literal

from infrastructure.postgres.database_address import open_existing_database
from infrastructure.queue.sync_queue import open_sync_queue
from infrastructure.queue.syncing_switch import SyncingState, SyncingSwitch
from interfaces.cli.output import print_json, print_line
from interfaces.cli.runtime import configure, run
from interfaces.composition.startup_checks import ensure_migrated

SyncingAction = Literal["show", "on", "off"]

TEXTS: dict[SyncingState, str] = {
    "on": "Syncing is on: due connections are synchronised.",
    "off": "Syncing is off: no process contacts Canvas. easeboard syncing on turns it on.",
    "copy": (
        "Syncing is off, because this database is a copy, restored or moved from another one. "
        "If the original no longer syncs, run easeboard syncing on."
    ),
}


def run_syncing(action: SyncingAction, *, json: bool) -> None:
    """Turn syncing on or off if requested, and print the state.

    Raises:
        NoDatabase: If the embedded database has not been created yet.
        MigrationRefused: If the database has not been migrated.
        PostgresUnavailable: If the database cannot be started or reached.
    """
    settings = configure()
    with open_existing_database(settings) as url:
        ensure_migrated(settings, url)
        state = run(_turn(url, action))
    if json:
        print_json({"syncing": state == "on", "is_copy": state == "copy"})
    else:
        print_line(TEXTS[state])


async def _turn(url: str, action: SyncingAction) -> SyncingState:
    async with open_sync_queue(url, max_size=1) as queue:
        switch = SyncingSwitch(queue.pool)
        if action != "show":
            await switch.turn(on=action == "on")
        return await switch.state()
