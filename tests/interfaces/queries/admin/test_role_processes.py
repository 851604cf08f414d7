"""The list of roles for admins: which process is alive, in which role, and since when."""

import re

import psycopg
from psycopg.rows import dict_row

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.role_processes import RoleProcesses
from tests.interfaces.queries.admin.failing_installation import FailingInstallation
from tests.projections.pages import decode_page


async def test_each_role_lists_its_processes_and_what_is_wrong(
    database_url: str, pool: ReadPool
) -> None:
    FailingInstallation().write(database_url)
    first = await RoleProcesses(pool).page(limit=3)
    rest = await RoleProcesses(pool).page(cursor=first.next_cursor, limit=3)
    api, projector, scheduler, worker = decode_page(first) + decode_page(rest)
    assert (api["role"], api["state"], api["problem"], api["live"]) == ("api", "ok", None, 1)
    [process] = api["processes"]
    assert (process["name"], process["machine"], process["pid"]) == (
        "server-1:41:1700000000",
        "server-1",
        41,
    )
    assert process["roles"] == ["api", "projector", "worker"]
    assert process["alive"]
    assert "grades" not in process["read_models"]
    assert "courses" in process["read_models"]
    [warning] = process["warnings"]
    assert (warning["code"], warning["detail"]) == (
        "untrusted_proxy",
        "All requests come from 10.0.0.7.",
    )
    assert projector["role"] == "projector"
    assert (scheduler["state"], scheduler["live"], scheduler["processes"]) == ("missing", 0, [])
    assert "easeboard serve --roles scheduler" in scheduler["problem"]
    assert (worker["state"], worker["live"]) == ("silent", 1)
    assert re.search(r"server-2:42:1700000000 for \d+ s", worker["problem"])
    assert [each["alive"] for each in worker["processes"]] == [True, False]
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        stored = connection.execute("SELECT * FROM easeboard.workers ORDER BY name").fetchall()
    assert [each["since"] for each in worker["processes"]] == [
        each["since"].isoformat().replace("+00:00", "Z") for each in stored
    ]
