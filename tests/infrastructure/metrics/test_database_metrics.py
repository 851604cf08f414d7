import asyncio
import time

import psycopg
import pytest
from structlog.testing import capture_logs

from infrastructure.metrics import database_metrics
from infrastructure.metrics.database_metrics import DatabaseMetrics
from infrastructure.metrics.database_snapshot import Told
from tests.infrastructure.metrics.exposition import TOLD


def samples(metrics: DatabaseMetrics) -> dict[str, float]:
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for metric in metrics.collect()
        for sample in metric.samples
    }


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_metrics, "PATIENCE", 0.01)


async def test_what_the_database_answers_is_told() -> None:
    async def ask() -> Told:
        return TOLD

    metrics = DatabaseMetrics(ask)
    assert samples(metrics) == {"easeboard_database_up": 0}
    await metrics.refresh()
    assert samples(metrics) == {
        "easeboard_database_up": 1,
        "easeboard_queue_depth": 2,
        "easeboard_queue_taken": 1,
        "easeboard_queue_oldest_seconds": 9.5,
        "easeboard_workers": 4,
        "easeboard_projection_lag_events courses": 3,
        "easeboard_projection_lag_seconds courses": 1.5,
        "easeboard_projection_failing courses": 0,
        "easeboard_projection_rebuilding courses": 0,
        "easeboard_projection_events_per_second courses": 7,
        "easeboard_sealed_records canvas_token k1": 5,
        "easeboard_canvas_hosts_silent open": 2,
        "easeboard_canvas_hosts_silent half_open": 1,
    }


async def test_many_scrapes_ask_once() -> None:
    asked = 0

    async def ask() -> Told:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return TOLD

    metrics = DatabaseMetrics(ask)
    await asyncio.gather(*(metrics.refresh() for _ in range(5)))
    await metrics.refresh()
    assert asked == 1


@pytest.mark.usefixtures("_impatient")
async def test_a_scrape_does_not_wait_for_a_database_that_hangs() -> None:
    answering = asyncio.Event()

    async def ask() -> Told:
        await answering.wait()
        return TOLD

    metrics = DatabaseMetrics(ask)
    async with asyncio.timeout(10):
        await metrics.refresh()
        assert samples(metrics) == {"easeboard_database_up": 0}
        answering.set()
        while not samples(metrics)["easeboard_database_up"]:
            await metrics.refresh()
    await metrics.close()


async def test_an_old_answer_is_told_for_a_while_and_then_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([TOLD])
    now = time.monotonic()

    async def ask() -> Told:
        for told in answers:
            return told
        raise psycopg.OperationalError("the server is gone, and here is its password")

    metrics = DatabaseMetrics(ask)
    await metrics.refresh()
    with capture_logs() as lines:
        monkeypatch.setattr(time, "monotonic", lambda: now + 30)
        await metrics.refresh()
        aged = samples(metrics)
        assert (aged["easeboard_database_up"], aged["easeboard_queue_depth"]) == (0, 2)
        monkeypatch.setattr(time, "monotonic", lambda: now + 300)
        assert samples(metrics) == {"easeboard_database_up": 0}
    assert [line["event"] for line in lines] == ["metrics_without_database"]
    assert "password" not in str(lines)
