"""The list of runs for admins: which run, executed by whom, and why it does not go on."""

from datetime import UTC, datetime

import psycopg

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.active_runs import active_runs
from tests.interfaces.queries.admin.failing_installation import FailingInstallation
from tests.projections.conftest import project_events
from tests.projections.pages import decode_page, fetch, fetch_all_pages
from tests.query_plans import plan_of

MANY = """
INSERT INTO sync_log_v1.syncs
SELECT md5(nth::text)::uuid, md5(nth::text)::uuid, md5('p' || nth)::uuid, nth,
       CASE WHEN nth % 1000 = 0 THEN 'queued' ELSE 'completed' END, '{}', nth
  FROM generate_series(1, 20000) AS nth;
ANALYZE sync_log_v1.syncs
"""


async def test_running_runs_come_first_with_their_worker_and_why_they_are_stuck(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    items = await fetch_all_pages(active_runs, pool, 1)
    assert [installation.name_of(item, "connection_id") for item in items] == [
        "running",
        "stuck",
        "queued",
    ]
    running, stuck, queued = items
    assert running["id"] == str(installation.accounts["running"].run_id)
    assert (running["trigger"], running["mode"], running["stuck"]) == ("schedule", "full", None)
    assert _age_of(running["worker_heartbeat_at"]) < _age_of(stuck["worker_heartbeat_at"])
    assert "no heartbeat" in stuck["stuck"]
    assert running["requested_at"] < running["started_at"]
    assert (queued["started_at"], queued["worker_heartbeat_at"]) == (None, None)
    assert (queued["host"], queued["stuck"]) == ("127.0.0.1:9000", None)
    assert "Ada" not in str(items)


async def test_the_status_selects_runs(database_url: str, pool: ReadPool) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    for status, expected in (("queued", ["queued"]), ("running", ["running", "stuck"])):
        page = await fetch(active_runs(status=status, limit=100), pool)
        names = [installation.name_of(item, "connection_id") for item in decode_page(page)]
        assert names == expected


async def test_a_run_without_a_job_or_without_any_worker_is_stuck(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path = procrastinate")
        connection.execute(
            "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now() - INTERVAL '1 h'"
        )
        [queued] = decode_page(await fetch(active_runs(status="queued", limit=1), pool))
        assert "No worker is alive" in queued["stuck"]
        connection.execute("DELETE FROM procrastinate.procrastinate_jobs")
    [queued] = decode_page(await fetch(active_runs(status="queued", limit=1), pool))
    assert "has no job" in queued["stuck"]


def test_a_page_reads_only_runs_that_have_not_ended(database_url: str) -> None:
    project_events(database_url, [])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        for status in (None, "queued", "running"):
            query = active_runs(status=status, limit=100)
            nodes = plan_of(connection, query.statement, query.parameters)
            own = [node for node in nodes if node.table == "syncs"]
            assert {node.index_name for node in own} == {"syncs_live"}, [*map(str, own)]


def _age_of(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
