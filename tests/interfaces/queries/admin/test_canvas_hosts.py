"""The list of Canvas hosts for admins: circuits, counts and reasons."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin import canvas_hosts
from interfaces.queries.admin.canvas_hosts import SELECT_HOSTS, CanvasHosts
from projections.support.page import BadCursor
from tests.interfaces.queries.admin.failing_installation import SCHOOL, FailingInstallation
from tests.projections.pages import decode_page
from tests.query_plans import plan_of

MANY = """
INSERT INTO sync_log_v1.sync_standings
SELECT md5(nth::text)::uuid, md5('p' || nth)::uuid, 'https://' || nth % 20, nth, TRUE,
       now(), 0, nth % 32, NULL, FALSE, nth, CASE WHEN nth % 100 = 0 THEN 1 ELSE 0 END,
       FALSE, now(), now(), 'canvas-timeout', NULL, NULL
  FROM generate_series(1, 20000) AS nth;
ANALYZE sync_log_v1.sync_standings
"""


async def _all_pages(pool: ReadPool, limit: int) -> list[dict[str, Any]]:
    cursor, items = None, []
    while True:
        page = await CanvasHosts(pool).page(cursor=cursor, limit=limit)
        items += decode_page(page)
        if page.next_cursor is None:
            return items
        cursor = page.next_cursor


async def test_hosts_that_do_not_respond_come_first(database_url: str, pool: ReadPool) -> None:
    FailingInstallation().write(database_url)
    items = await _all_pages(pool, 100)
    assert [(item["host"], item["circuit"]) for item in items] == [
        ("other.instructure.com", "open"),
        ("silent.instructure.com", "closed"),
        ("127.0.0.1:9000", "closed"),
        ("school.instructure.com", "closed"),
    ]
    assert await _all_pages(pool, 1) == items
    other, silent, loopback, school = items
    assert (other["failures"], other["openings"]) == (7, 3)
    times = ("failing_since", "last_failed_at")
    since, last = (datetime.fromisoformat(other[name]) for name in times)
    assert last - since > timedelta(minutes=119)
    assert datetime.fromisoformat(other["next_try_at"]) > last
    assert other["codes"] == [{"code": "canvas-unreachable", "connections": 1}]
    assert (other["connections"], other["failing_connections"]) == (2, 1)
    assert (silent["connections"], silent["failures"], silent["next_try_at"]) == (0, 1, None)
    assert (loopback["queued"], loopback["running"], loopback["codes"]) == (1, 0, [])
    assert (school["canvas_url"], school["queued"], school["running"]) == (SCHOOL, 0, 2)
    assert (school["connections"], school["failing_connections"]) == (6, 3)
    assert {each["code"] for each in school["codes"]} == {
        "canvas-timeout",
        "canvas-token-rejected",
        "canvas-forbidden",
    }


async def test_a_page_reads_a_bounded_number_of_connections(
    database_url: str, pool: ReadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    FailingInstallation().write(database_url)
    monkeypatch.setattr(canvas_hosts, "MAX_COUNTED", 2)
    school = (await _all_pages(pool, 100))[-1]
    assert (school["connections"], school["failing_connections"]) == (4, 2)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        parameters = {"rank": -1, "origin": "", "limit": 11, "most": 100}
        nodes = plan_of(connection, SELECT_HOSTS, parameters)
    own = [node for node in nodes if node.table == "sync_standings"]
    assert own
    assert [str(node) for node in own if node.type == "Seq Scan"] == []
    with pytest.raises(BadCursor):
        await CanvasHosts(pool).page(cursor="W10", limit=1)
