"""The list of roles for admins, each with the processes that have it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from infrastructure.postgres.pools import ReadPool
from infrastructure.queue.process_list import ProcessStatus, list_processes
from infrastructure.queue.role_health import ROLES
from projections.support.page import Page, build_page, decode_cursor, parse_text_key

MISSED_SECONDS = 600.0
"""Seconds for which a process without a heartbeat counts as missed; later it is only listed."""


@dataclass(frozen=True, slots=True)
class RoleProcesses:
    """The processes of the installation, by role."""

    pool: ReadPool

    async def page(self, *, cursor: str | None = None, limit: int) -> Page:
        """Return a page of roles, in the order of their names; a role may have no process.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        [after] = decode_cursor(cursor, parse_text_key)
        processes = await list_processes(self.pool)
        rows = [
            (role, orjson.dumps(role_document(role, processes), option=orjson.OPT_UTC_Z))
            for role in sorted(ROLES)
            if after is None or role > after
        ]
        return build_page(rows[: limit + 1], limit, lambda row: row[1], lambda row: row[:1])


def role_document(role: str, processes: Sequence[ProcessStatus]) -> dict[str, Any]:
    """Return an item of `GET /api/v1/admin/workers`."""
    own = [each for each in processes if role in each.roles]
    live = sum(each.is_alive for each in own)
    missed = [each for each in own if not each.is_alive and each.silent_seconds < MISSED_SECONDS]
    state, problem = "ok", None
    if not live:
        state = "missing"
        problem = (
            f"No live process has the role {role}: start one with `easeboard serve --roles {role}`."
        )
    elif missed:
        state = "silent"
        names = ", ".join(f"{each.name} for {each.silent_seconds:.0f} s" for each in missed)
        problem = f"No heartbeat from {names}: check that the process runs."
    return {
        "role": role,
        "state": state,
        "problem": problem,
        "live": live,
        "processes": [_process_document(each) for each in own],
    }


def _process_document(process: ProcessStatus) -> dict[str, Any]:
    machine, _, rest = process.name.partition(":")
    pid = rest.partition(":")[0]
    return {
        "name": process.name,
        "machine": machine,
        "pid": int(pid) if pid.isdecimal() else None,
        "roles": process.roles,
        "since": process.since,
        "heartbeat_at": process.heartbeat_at,
        "alive": process.is_alive,
        "read_models": process.read_models,
        "warnings": process.warnings,
    }
