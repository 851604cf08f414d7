"""Makes a master key the active one: every live process must have it first.

The steps are the same however often they are repeated, and wherever the process that makes them is
killed: `activate_key`, then `find_late_writers` until it returns nothing, then `close_other_keys`.
"""

import time
from collections.abc import Callable
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.errors import LockNotAvailable

from infrastructure.crypto.key_check import KEY_FENCE_LOCK, SELECT_ACTIVE_KEY, store_check
from infrastructure.crypto.master_key import MasterKey
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry

LIVE_SECONDS = 30.0
"""Seconds after its last heartbeat in which a process may go on writing."""
CLOSE_ATTEMPTS = 30
CLOSE_PAUSE_SECONDS = 0.5
"""Between two attempts, in which waiting transactions go on."""
LOCK_TIMEOUT: LiteralString = "SET LOCAL lock_timeout = '1s'"
"""How long a step may make other transactions wait; then it is repeated."""

FORGET_UNUSED_CHECKS = """
DELETE FROM easeboard.key_canary AS canary
 USING easeboard.master_keys AS key
 WHERE key.id = canary.key_id
   AND key.closed_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM easeboard.people_keys WHERE key_id = key.id)
   AND NOT EXISTS (SELECT FROM easeboard.canvas_tokens WHERE key_id = key.id)
   AND NOT EXISTS (SELECT FROM easeboard.seal_keys WHERE key_id = key.id)
"""
"""A program that starts no longer needs these keys, nor does one of an earlier release."""

# A heartbeat that is being written comes before the lock, a later one sees the active key.
LOCK_HEARTBEATS: LiteralString = "LOCK TABLE easeboard.workers IN SHARE ROW EXCLUSIVE MODE"

SELECT_PROCESSES = """
SELECT name, roles, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8,
       coalesce(%s = ANY (master_keys), false),
       master_keys IS NOT NULL,
       writes_with IS NOT DISTINCT FROM %s
  FROM easeboard.workers
 WHERE heartbeat_at > clock_timestamp() - make_interval(secs => %s)
 ORDER BY name
"""

UPSERT_ACTIVE_KEY = """
INSERT INTO easeboard.master_keys (id, active_since)
VALUES (%s, clock_timestamp())
    ON CONFLICT (id) DO UPDATE
   SET active_since = excluded.active_since,
       closed_at = NULL
"""

CLOSE_OTHER_KEYS = """
UPDATE easeboard.master_keys
   SET closed_at = clock_timestamp()
 WHERE id <> %(key_id)s
   AND closed_at IS NULL
   AND %(key_id)s = (
           SELECT id FROM easeboard.master_keys ORDER BY active_since DESC, id LIMIT 1
       )
"""


IsGone = Callable[[str], bool]


def never_gone(_: str) -> bool:
    """Take a process for alive until its heartbeat is old."""
    return False


class KeyProcess(NamedTuple):
    """A live process: whether it has the key in question, and encrypts with it."""

    name: str
    roles: list[str]
    heartbeat_age: float
    has_key: bool
    lists_keys: bool
    """Whether it records its keys; one of an earlier release does not."""
    writes_with_key: bool

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.roles)}; heartbeat {self.heartbeat_age:.0f} s ago)"


class KeyNotActivated(Exception):
    """A key cannot become the active one yet; the message names the processes that lack it."""


def live_processes(
    pool: WritePool, key: MasterKey, *, is_gone: IsGone = never_gone
) -> list[KeyProcess]:
    """Return every live process; raises DatabaseBusy and DatabaseUnavailable."""
    rows = execute(pool, SELECT_PROCESSES, _process_values(key))
    return [process for process in map(KeyProcess._make, rows) if not is_gone(process.name)]


def activate_key(pool: WritePool, key: MasterKey, *, is_gone: IsGone = never_gone) -> bool:
    """Make a key the active one if all live processes have it; returns whether it was another one.

    `is_gone` returns whether the process of a name is known to have ended.

    Raises:
        KeyNotActivated: If a live process does not have the key, or has another one of this id.
        DatabaseBusy, DatabaseUnavailable: If the database cannot be used.
    """
    return with_retry(pool, lambda connection: _activate(connection, key, is_gone))


def find_late_writers(
    pool: WritePool, key: MasterKey, *, is_gone: IsGone = never_gone
) -> list[KeyProcess]:
    """Return the live processes that still encrypt with another key than the active one."""
    processes = live_processes(pool, key, is_gone=is_gone)
    return [process for process in processes if not process.writes_with_key]


def close_other_keys(pool: WritePool, key: MasterKey) -> None:
    """Let nothing be encrypted with other keys any more, and wait until nothing is.

    It does nothing if another key has become the active one.

    Raises: KeyNotActivated if a transaction goes on writing for long; DatabaseBusy and
    DatabaseUnavailable.
    """
    for _ in range(CLOSE_ATTEMPTS):
        if with_retry(pool, lambda connection: _close(connection, key)):
            return
        time.sleep(CLOSE_PAUSE_SECONDS)
    raise KeyNotActivated(
        f"The master key {key.id} is active, but a transaction that writes under another one does "
        "not end: find it in pg_stat_activity, then run easeboard keys rotate again."
    )


def forget_unused_keys(pool: WritePool) -> None:
    """Require no key any more that is closed and encrypts nothing; raises as `close_other_keys`."""
    execute(pool, FORGET_UNUSED_CHECKS)


def _close(connection: psycopg.Connection[Any], key: MasterKey) -> bool:
    """Close the other keys; returns whether no transaction was in the way."""
    try:
        with connection.transaction():
            connection.execute(LOCK_TIMEOUT)
            connection.execute(KEY_FENCE_LOCK)
            connection.execute(CLOSE_OTHER_KEYS, {"key_id": key.id})
    except LockNotAvailable:
        return False
    return True


def _activate(connection: psycopg.Connection[Any], key: MasterKey, is_gone: IsGone) -> bool:
    try:
        with connection.transaction():
            connection.execute(LOCK_TIMEOUT)
            connection.execute(LOCK_HEARTBEATS)
            if connection.execute(SELECT_ACTIVE_KEY).fetchone() == (key.id,):
                return False
            _require_key_of_all(connection, key, is_gone)
            store_check(connection, key)
            connection.execute(UPSERT_ACTIVE_KEY, [key.id])
            return True
    except LockNotAvailable as error:
        raise KeyNotActivated(
            "The heartbeats of the processes are locked by another session of the database, so the "
            "key was not activated: run easeboard keys rotate again."
        ) from error


def _require_key_of_all(
    connection: psycopg.Connection[Any], key: MasterKey, is_gone: IsGone
) -> None:
    rows = connection.execute(SELECT_PROCESSES, _process_values(key)).fetchall()
    lacking = [
        process
        for process in map(KeyProcess._make, rows)
        if not process.has_key and not is_gone(process.name)
    ]
    if not lacking:
        return
    names = "; ".join(map(str, lacking))
    early = " Those of an earlier release cannot read it either: upgrade them first."
    raise KeyNotActivated(
        f"Nothing was changed, because not every process has the master key `{key.id}`. Without "
        f"it: {names}.{'' if all(each.lists_keys for each in lacking) else early} Put the same "
        f"`{key.id}=<key>` first in CANVAS_ENCRYPTION_KEY of each and restart it, then run "
        f"easeboard keys rotate again. A process that was killed on another machine "
        f"is listed for {LIVE_SECONDS:.0f} s."
    )


def _process_values(key: MasterKey) -> list[str | float]:
    return [f"{key.id}:{key.digest}", key.id, LIVE_SECONDS]
