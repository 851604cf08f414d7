"""What each master key is still needed for, and what the next step of a rotation is."""

from collections.abc import Iterator
from typing import NamedTuple

from infrastructure.crypto.key_activation import live_processes
from infrastructure.crypto.key_check import SELECT_ACTIVE_KEY
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool

# Responses of an earlier release; those of this one have the key of their person.
SELECT_RECORDS = """
SELECT key_id, sum(records)::bigint, sum(responses)::bigint
  FROM (
           SELECT key_id, count(*) AS records, 0 AS responses
             FROM easeboard.people_keys
            WHERE key_id IS NOT NULL
            GROUP BY key_id
            UNION ALL
           SELECT key_id, count(*), 0 FROM easeboard.canvas_tokens GROUP BY key_id
            UNION ALL
           SELECT key_id, count(*), 0 FROM easeboard.seal_keys GROUP BY key_id
            UNION ALL
           SELECT key_id, 0, count(*) FROM easeboard.idempotency_keys GROUP BY key_id
       ) AS counted
 GROUP BY key_id
"""

SELECT_USED_KEYS = "SELECT id, closed_at IS NULL FROM easeboard.master_keys"


class KeyStatus(NamedTuple):
    """The state of the master keys; `ids` are those that are configured here, newest first."""

    ids: list[str]
    active: str
    records: dict[str, int]
    """Person keys, tokens and keys of the seals by the id of the key that encrypts them."""
    responses: dict[str, int]
    """Responses of an earlier release by the id of their key; they end within a day."""
    open_keys: frozenset[str]
    """The keys with which a process may still encrypt."""
    closed_keys: frozenset[str]
    """The keys that were active, and with which nothing is encrypted again."""
    processes_without_newest: list[str]
    """The live processes that cannot read the newest key yet."""

    @property
    def removable(self) -> list[str]:
        """The configured keys that nothing needs any more."""
        return [
            id
            for id in self.ids
            if id != self.active
            and id in self._closed_or_unused
            and not self.records.get(id)
            and not self.responses.get(id)
        ]

    @property
    def _closed_or_unused(self) -> set[str]:
        """The keys with which nothing is encrypted; the newest one waits for its activation."""
        return {id for id in self.ids if id not in self.open_keys and id != self.ids[0]}

    def describe(self) -> list[str]:
        """Return what to do next with each key; empty if there is nothing to do."""
        return list(self._steps())

    def _steps(self) -> Iterator[str]:
        newest = self.ids[0]
        if newest != self.active and self.processes_without_newest:
            yield (
                f"The master key {newest} is not active yet: put it into CANVAS_ENCRYPTION_KEY of "
                f"{'; '.join(self.processes_without_newest)}, and restart them"
            )
        elif newest != self.active:
            yield (
                f"The master key {newest} is not active yet, and every process has it: run "
                "easeboard keys rotate"
            )
        for id in self.ids:
            if newest != self.active or id == newest:
                continue
            if id in self.removable and id not in self.closed_keys:
                yield (
                    f"Nothing is encrypted with the master key {id}: to rotate to it, put it first "
                    "in CANVAS_ENCRYPTION_KEY of every process and restart them; else remove it"
                )
            elif id in self.removable:
                yield (
                    f"Nothing is encrypted with the master key {id} any more: remove it from "
                    "CANVAS_ENCRYPTION_KEY of every process"
                )
            elif id in self.open_keys or self.records.get(id):
                yield (
                    f"{self.records.get(id, 0)} records are encrypted with the master key {id}: "
                    "run easeboard keys rotate"
                )
            else:
                yield (
                    f"{self.responses[id]} responses of an earlier release need the master key "
                    f"{id} for at most a day: remove it then"
                )


def load_key_status(url: str, ring: KeyRing) -> KeyStatus:
    """Return the state of the master keys of the database at this URL; changes nothing.

    Raises: DatabaseBusy and DatabaseUnavailable.
    """
    with open_write_pool(url, size=1) as pool:
        return read_key_status(pool, ring)


def read_key_status(pool: WritePool, ring: KeyRing) -> KeyStatus:
    """Return the state of the master keys; raises as `load_key_status`."""
    counts = execute(pool, SELECT_RECORDS)
    active = execute(pool, SELECT_ACTIVE_KEY)
    used = execute(pool, SELECT_USED_KEYS)
    return KeyStatus(
        ids=ring.ids,
        active=active[0][0] if active else ring.newest.id,
        records={id: records for id, records, _ in counts if records},
        responses={id: responses for id, _, responses in counts if responses},
        open_keys=frozenset(id for id, is_open in used if is_open),
        closed_keys=frozenset(id for id, is_open in used if not is_open),
        processes_without_newest=[
            str(process) for process in live_processes(pool, ring.newest) if not process.has_key
        ],
    )
