"""Checks of the database itself: server, encoding, write access, clock, migrations and keys."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, LiteralString

from infrastructure.all_migrations import schema_state
from infrastructure.crypto.key_check import verify_master_keys
from infrastructure.crypto.key_status import load_key_status
from infrastructure.event_store.lost_events import find_losses
from infrastructure.postgres.database_address import (
    NoDatabase,
    open_database,
    require_existing_database,
)
from infrastructure.postgres.errors import ConnectionsExhausted, PostgresUnavailable
from infrastructure.postgres.pooler_check import PoolerRefused, check_pooler
from infrastructure.postgres.pools import open_read_pool
from infrastructure.postgres.role_findings import find_excess_rights
from infrastructure.postgres.write_access import SELECT_RIGHTS
from interfaces.cli.doctor.check import Check, CheckFailed, Installation, NotApplicable, Warned
from interfaces.cli.errors import describe_with_advice

MAX_CLOCK_SKEW_SECONDS = 2.0
"""Allowed difference between the clocks of the database and of this machine."""

SELECT_WRITE_ACCESS: LiteralString = """
SELECT pg_is_in_recovery(),
       (
           SELECT reset_val = 'on'  -- our own sessions that read set it to on
             FROM pg_settings
            WHERE name = 'default_transaction_read_only'
       ),
       has_database_privilege(current_database(), 'CREATE')
"""

SELECT_IS_ENCRYPTED: LiteralString = """
SELECT EXISTS (SELECT FROM easeboard.master_keys)
       OR EXISTS (SELECT FROM easeboard.key_canary)
       OR EXISTS (SELECT FROM easeboard.people_keys)
       OR EXISTS (SELECT FROM easeboard.canvas_tokens)
"""
"""Whether a master key is active, was used, or encrypts something."""


async def open_installed_database(stack: AsyncExitStack, installation: Installation) -> str:
    """Open the database for the other checks, read-only, and return its version.

    Raises: PoolerRefused if a connection pooler in between does not keep sessions apart.
    """
    settings = installation.settings
    try:
        require_existing_database(settings)
    except NoDatabase:
        raise NotApplicable("not created yet; easeboard serve creates it") from None
    installation.url = await asyncio.to_thread(stack.enter_context, open_database(settings))
    try:
        await asyncio.to_thread(check_pooler, installation.url)
    except (PoolerRefused, ConnectionsExhausted) as error:
        raise CheckFailed(str(error)) from error
    except PostgresUnavailable as error:
        raise CheckFailed(describe_with_advice(error)) from error
    pool = open_read_pool(installation.url, size=2)
    installation.read_pool = await stack.enter_async_context(pool)
    return f"PostgreSQL {await query(installation, 'SHOW server_version')}"


async def query(installation: Installation, statement: LiteralString) -> Any:
    """Return the first value of a query."""
    return (await query_row(installation, statement))[0]


async def query_row(installation: Installation, statement: LiteralString) -> tuple[Any, ...]:
    """Return the first row of a query."""
    async with installation.reads.connection() as connection:
        row = await (await connection.execute(statement)).fetchone()
    return row or (None,)


async def check_encoding(installation: Installation) -> str:
    """Check that the database stores UTF-8: names are in all scripts."""
    encoding = await query(installation, "SHOW server_encoding")
    if encoding != "UTF8":
        raise CheckFailed(
            f"The encoding of the database is {encoding}: create a database with "
            "ENCODING 'UTF8' TEMPLATE template0, restore the data into it, and set DATABASE_URL."
        )
    return "UTF-8"


async def check_clock(installation: Installation) -> str:
    """Compare the clocks of the database and of this machine.

    The database reads its clock at any time between the query and its result, so half of what the
    query takes is no difference of the clocks.
    """
    before = time.time()
    database_time = float(await query(installation, "SELECT extract(epoch FROM clock_timestamp())"))
    after = time.time()
    skew_seconds = database_time - (before + after) / 2
    if abs(skew_seconds) > MAX_CLOCK_SKEW_SECONDS + (after - before) / 2:
        raise CheckFailed(
            f"The clock of the database differs by {skew_seconds:+.1f} s from the clock of "
            "this machine: synchronise both by NTP, for example with timedatectl set-ntp true."
        )
    return f"{skew_seconds * 1000:+.0f} ms between database and this machine"


async def check_migrations(installation: Installation) -> str | Warned:
    """Check that every migration of this program has been applied."""
    state = await asyncio.to_thread(schema_state, installation.url)
    if state.missing and installation.settings.embedded:
        raise NotApplicable(f"{', '.join(state.missing)}: easeboard serve applies them")
    if state.missing:
        raise CheckFailed(f"Missing: {', '.join(state.missing)}. Run easeboard migrate.")
    if state.newer:
        return Warned(
            f"A newer release has migrated the database ({', '.join(state.newer)}), and this "
            "program can use it: upgrade it when you can"
        )
    return "all applied"


async def check_write_access(installation: Installation) -> str:
    """Check that the database accepts writes, and that this user may append events."""
    in_recovery, is_read_only, may_create = await query_row(installation, SELECT_WRITE_ACCESS)
    if in_recovery:
        raise CheckFailed(
            "The server is a standby, which accepts no writes: set DATABASE_URL to the primary "
            "server, or add all servers and target_session_attrs=read-write to it."
        )
    if is_read_only:
        raise CheckFailed(
            "The database is read-only (default_transaction_read_only is on), as providers set it "
            "when the disk is nearly full: free space, or increase the disk, and set it to off."
        )
    may_append, may_read = await query_row(installation, SELECT_RIGHTS)
    if not may_append:
        raise CheckFailed(
            "The user of DATABASE_URL may not append events: connect as a member of the "
            "application role, and run easeboard migrate as the owner, which grants its rights."
        )
    if not may_create:
        raise CheckFailed(
            "The user of DATABASE_URL may not create the schemas of read models: run easeboard "
            "migrate as the owner, which grants this right, or GRANT CREATE ON DATABASE to the "
            "user."
        )
    if may_read is False:
        raise CheckFailed(
            "The user of DATABASE_URL may not read the views in the schema read: GRANT SELECT on "
            "them to the user, or run easeboard projections rebuild --all as their owner."
        )
    return "events can be appended"


async def check_log(installation: Installation) -> str | Warned:
    """Check that the log has every event of which something else in the database has a trace."""
    losses = await find_losses(installation.reads)
    if not losses:
        return "nothing is of events that the log does not have"
    details = "; ".join(f"{loss.part}: {loss}" for loss in losses)
    if all(loss.is_repaired for loss in losses):
        return Warned(details)
    raise CheckFailed(details)


async def check_rights(installation: Installation) -> str | Warned:
    """Check that the role of DATABASE_URL can append to the log and not rewrite it."""
    findings = await asyncio.to_thread(find_excess_rights, installation.url)
    return Warned("; ".join(findings)) if findings else "the role can only append to the log"


async def check_keys(installation: Installation) -> str | Warned:
    """Check that the master keys can decrypt the database, and what a rotation needs next."""
    ring = installation.ring
    if ring is None:
        await _require_nothing_encrypted(installation)
        raise NotApplicable("no master key yet")
    await asyncio.to_thread(verify_master_keys, installation.url, ring)
    status = await asyncio.to_thread(load_key_status, installation.url, ring)
    if steps := status.describe():
        return Warned("; ".join(steps))
    return f"the database can be decrypted (CANVAS_ENCRYPTION_KEY: {', '.join(ring.ids)})"


async def _require_nothing_encrypted(installation: Installation) -> None:
    if await query(installation, SELECT_IS_ENCRYPTED):
        raise CheckFailed(
            f"The file master-key is missing in {installation.settings.home}, and the database is "
            "encrypted with it: restore the file, or set CANVAS_ENCRYPTION_KEY."
        )


DATABASE_CHECKS = (
    Check("encoding", check_encoding, requires=("database",)),
    Check("clock", check_clock, requires=("database",)),
    Check("migrations", check_migrations, requires=("database",)),
    Check("write access", check_write_access, requires=("database", "migrations")),
    Check("log", check_log, requires=("database", "migrations")),
    Check("rights", check_rights, requires=("database", "migrations")),
    Check("keys", check_keys, requires=("database", "migrations", "master key")),
)
