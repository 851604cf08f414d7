"""The list of connections for admins: its order, its reasons, its filters and its pages."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin import failing_connections as listing
from interfaces.queries.admin.failing_connections import failing_connections
from projections.support.page import BadCursor
from tests.interfaces.queries.admin.failing_installation import (
    INTERVAL,
    OTHER,
    FailingInstallation,
    account_at,
    fail,
    fail_in_part,
    person_of,
    reject_token,
)
from tests.projections.conftest import project_events
from tests.projections.event_builders import EventLogBuilder
from tests.projections.pages import decode_page, fetch, fetch_all_pages
from tests.query_plans import plan_of

MANY = """
INSERT INTO sync_log_v1.sync_standings
SELECT md5(nth::text)::uuid, md5('p' || nth)::uuid, 'https://' || nth % 20, nth, TRUE,
       now(), 0, nth % 32, NULL, FALSE, nth, CASE WHEN nth % {healthy_share} = 0 THEN 1 ELSE 0 END,
       FALSE, now(), now(), 'canvas-timeout', NULL, NULL
  FROM generate_series(1, 20000) AS nth;
ANALYZE sync_log_v1.sync_standings
"""

FILTERED: list[tuple[dict[str, str], set[str]]] = [
    ({"status": "token_rejected"}, {"rejected"}),
    ({"status": "failing"}, {"twice", "once", "rejected"}),
    ({"status": "partial"}, {"partial"}),
    (
        {"status": "active"},
        {"twice", "once", "partial", "healthy", "new", "queued", "running", "stuck"},
    ),
    ({"code": "canvas-timeout"}, {"once"}),
    ({"code": "canvas-timeout", "host": "other.instructure.com"}, set()),
    ({"code": "no-such-code"}, set()),
    ({"host": "other.instructure.com"}, {"twice", "new"}),
    ({"host": "HTTPS://other.instructure.com/courses/1"}, {"twice", "new"}),
    ({"host": "127.0.0.1:9000"}, {"queued"}),
    ({"host": "instructure.com"}, set()),
    ({"q": "OTHER."}, {"twice", "new"}),
    ({"q": "no response"}, {"once"}),
    ({"q": "Ada"}, set()),
]
"""Filters, and the accounts whose connections they select."""
PLANNED: list[dict[str, Any]] = [
    {},
    {"host": "7"},
    {"code": "canvas-timeout"},
    {"status": "partial"},
    {"status": "active"},
    {"q": "00000000-0000-4000-8000-000000000001"},
]


async def _list(pool: ReadPool, **filters: Any) -> list[dict[str, Any]]:
    query = failing_connections(interval=INTERVAL, limit=100, **filters)
    return decode_page(await fetch(query, pool))


async def _names(installation: FailingInstallation, pool: ReadPool, **filters: Any) -> list[str]:
    return [installation.name_of(item) for item in await _list(pool, **filters)]


async def test_the_worst_connection_is_first_and_healthy_ones_are_last(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    names = await _names(installation, pool)
    assert names[:4] == ["twice", "once", "rejected", "partial"]
    assert set(names[4:]) == {"queued", "new", "healthy", "running", "stuck"}
    assert names[4:6] == ["queued", "new"], "by host"
    pages = await fetch_all_pages(partial(failing_connections, interval=INTERVAL), pool, 2)
    assert [installation.name_of(item) for item in pages] == names


async def test_an_item_has_the_reason_the_count_and_the_times_of_the_failures(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    twice, once, rejected, partial_ = (await _list(pool))[:4]
    assert twice["error"] == {"code": "canvas-unreachable", "detail": "It failed"}
    assert (twice["failures"], twice["partial"], twice["status"]) == (2, False, "active")
    assert twice["canvas_url"] == OTHER
    assert twice["host"] == "other.instructure.com"
    since, last = map(_time, (twice["failing_since"], twice["last_failed_at"]))
    assert last - since == timedelta(minutes=3)
    assert _time(twice["last_synced_at"]) < since
    assert _time(twice["next_sync_at"]) > last, "the circuit of the host is open"
    assert once["error"]["detail"] == "No response in 65 s"
    assert once["last_failed_sync_id"] == str(installation.accounts["once"].run_id)
    assert (rejected["status"], rejected["next_sync_at"]) == ("token_rejected", None)
    assert (rejected["failures"], rejected["error"]["code"]) == (1, "canvas-token-rejected")
    assert (partial_["partial"], partial_["failures"]) == (True, 2)
    assert partial_["error"] == {"code": "canvas-forbidden", "detail": "One"}
    assert _time(partial_["last_synced_at"]) == _time(partial_["last_failed_at"])


async def test_healthy_connections_have_no_reason_and_no_item_names_a_person(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    by_name = {installation.name_of(item): item for item in await _list(pool)}
    healthy, new = by_name["healthy"], by_name["new"]
    assert (healthy["error"], healthy["failures"], healthy["failing_since"]) == (None, 0, None)
    assert (new["last_synced_at"], new["sync"]) == (None, "idle")
    assert {name: by_name[name]["sync"] for name in ("queued", "running")} == {
        "queued": "queued",
        "running": "running",
    }
    assert "Ada" not in str(by_name)
    assert "Example U" not in str(by_name)


async def test_filters_select_connections(database_url: str, pool: ReadPool) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    for filters, expected in FILTERED:
        assert set(await _names(installation, pool, **filters)) == expected, filters


async def test_an_id_of_a_connection_or_a_user_finds_it_at_once(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    assert await _names(installation, pool, q=installation.id_of("once")) == ["once"]
    user_id = str(person_of(installation, "healthy"))
    assert await _names(installation, pool, q=user_id) == ["healthy"]
    assert await _names(installation, pool, q=user_id, status="failing") == []


async def test_a_search_continues_on_the_next_page(
    database_url: str, pool: ReadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SEARCHED_CONNECTIONS", 3)
    installation = FailingInstallation()
    installation.write(database_url)
    search = partial(failing_connections, interval=INTERVAL, q=installation.id_of("new")[:13])
    found = await fetch_all_pages(search, pool, 1)
    assert [installation.name_of(item) for item in found] == ["new"]


async def test_a_success_a_new_token_and_a_closed_connection_end_the_failures(
    database_url: str, pool: ReadPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    accounts = [account_at(log, f"{number}") for number in range(4)]
    succeeded, rotated, closed, cancelled = accounts
    fail(succeeded, "canvas-timeout").run()
    reject_token(rotated).change_connection(
        lambda connection: connection.rotate_token("42", "11111111")
    )
    fail(closed, "canvas-timeout").change_connection(lambda connection: connection.close())
    fail(cancelled, "canvas-timeout").request().change_sync(lambda sync: sync.cancel())
    project_events(database_url, log.events)
    failures = {item["id"]: item["failures"] for item in await _list(pool)}
    assert failures == {str(succeeded.id): 0, str(rotated.id): 0, str(cancelled.id): 1}


async def test_a_token_that_was_rejected_outside_a_run_is_a_failure_too(
    database_url: str, pool: ReadPool
) -> None:
    log = EventLogBuilder()
    account = fail_in_part(account_at(log, "one"), "canvas-forbidden")
    account.change_connection(lambda connection: connection.reject_token("No"))
    project_events(database_url, log.events)
    [item] = await _list(pool, status="token_rejected")
    assert (item["failures"], item["last_failed_sync_id"]) == (2, None)
    assert item["error"]["code"] == "canvas-token-rejected"
    assert "outside a sync" in item["error"]["detail"]


@pytest.mark.parametrize("healthy_share", [2, 5000], ids=["many fail", "few fail"])
def test_a_page_reads_ranges_of_indexes(database_url: str, healthy_share: int) -> None:
    project_events(database_url, [])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY.replace("{healthy_share}", str(healthy_share)).encode())
        for filters in PLANNED:
            query = failing_connections(interval=INTERVAL, limit=100, **filters)
            nodes = plan_of(connection, query.statement, query.parameters)
            own = [node for node in nodes if node.table in {"sync_standings", "syncs"}]
            assert own
            assert [str(node) for node in own if node.type == "Seq Scan"] == [], filters


def test_a_cursor_of_another_list_is_refused() -> None:
    for cursor in ("W10", "WzEsMiwzLDQsNSw2XQ", "bm8"):
        with pytest.raises(BadCursor):
            failing_connections(interval=INTERVAL, cursor=cursor, limit=1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
