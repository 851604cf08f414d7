import asyncio
import time

import psycopg
import pytest
from structlog.testing import capture_logs

from infrastructure.metrics import database_metrics
from infrastructure.metrics.database_metrics import DatabaseMetrics
from infrastructure.metrics.database_statistics import DatabaseStatistics
from tests.deadlines import scaled
from tests.infrastructure.metrics.exposition import STATISTICS


def collect_samples(metrics: DatabaseMetrics) -> dict[str, float]:
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for metric in metrics.collect()
        for sample in metric.samples
    }


@pytest.fixture
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_metrics, "REFRESH_TIMEOUT_SECONDS", 0.01)


async def test_the_database_statistics_are_published() -> None:
    async def load_statistics() -> DatabaseStatistics:
        return STATISTICS

    metrics = DatabaseMetrics(load_statistics)
    assert collect_samples(metrics) == {"easeboard_database_up": 0}
    await metrics.refresh()
    assert collect_samples(metrics) == {
        "easeboard_database_up": 1,
        "easeboard_queue_depth": 2,
        "easeboard_queue_taken": 1,
        "easeboard_queue_oldest_seconds": 9.5,
        "easeboard_workers": 4,
        "easeboard_projection_lag_events courses": 3,
        "easeboard_projection_lag_seconds courses": 1.5,
        "easeboard_projection_failing courses": 0,
        "easeboard_projection_dead_letters courses": 2,
        "easeboard_projection_rebuilding courses": 0,
        "easeboard_projection_events_per_second courses": 7,
        "easeboard_projection_unowned_seconds_total courses": 2.5,
        "easeboard_projection_sample_differences courses": 1,
        "easeboard_sealed_records canvas_token k1": 5,
        "easeboard_canvas_hosts_silent open": 2,
        "easeboard_canvas_hosts_silent half_open": 1,
        "easeboard_course_totals exact": 8,
        "easeboard_course_totals different": 1,
        "easeboard_course_totals unknown": 3,
        "easeboard_database_bytes log": 4096,
        "easeboard_database_bytes queue": 1024,
        "easeboard_database_dead_rows log": 0,
        "easeboard_database_dead_rows queue": 12,
        "easeboard_syncing": 1,
        "easeboard_log_losses": 2,
        "easeboard_seal_size": 70,
        "easeboard_seal_lag_events": 4,
        "easeboard_seal_lag_seconds": 1.5,
        "easeboard_witness_problem_seconds": 90.5,
        "easeboard_witness_contradictions": 1,
    }


async def test_concurrent_scrapes_share_one_query() -> None:
    query_count = 0

    async def load_statistics() -> DatabaseStatistics:
        nonlocal query_count
        query_count += 1
        await asyncio.sleep(0)
        return STATISTICS

    metrics = DatabaseMetrics(load_statistics)
    await asyncio.gather(*(metrics.refresh() for _ in range(5)))
    await metrics.refresh()
    assert query_count == 1


@pytest.mark.usefixtures("_short_timeout")
async def test_a_scrape_does_not_wait_for_a_database_that_hangs() -> None:
    may_respond = asyncio.Event()

    async def load_statistics() -> DatabaseStatistics:
        await may_respond.wait()
        return STATISTICS

    metrics = DatabaseMetrics(load_statistics)
    async with asyncio.timeout(scaled(10)):
        await metrics.refresh()
        assert collect_samples(metrics) == {"easeboard_database_up": 0}
        may_respond.set()
        while not collect_samples(metrics)["easeboard_database_up"]:
            await metrics.refresh()
    await metrics.close()


async def test_old_statistics_are_published_for_a_while_and_then_omitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statistics_over_time = iter([STATISTICS])
    now = time.monotonic()

    async def load_statistics() -> DatabaseStatistics:
        for statistics in statistics_over_time:
            return statistics
        raise psycopg.OperationalError("no connection with the password 1234")

    metrics = DatabaseMetrics(load_statistics)
    await metrics.refresh()
    with capture_logs() as lines:
        monkeypatch.setattr(time, "monotonic", lambda: now + 30)
        await metrics.refresh()
        aged = collect_samples(metrics)
        assert (aged["easeboard_database_up"], aged["easeboard_queue_depth"]) == (0, 2)
        monkeypatch.setattr(time, "monotonic", lambda: now + 300)
        assert collect_samples(metrics) == {"easeboard_database_up": 0}
    assert [line["event"] for line in lines] == ["metrics_without_database"]
    assert "password" not in str(lines)
