from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import FAILURE_THRESHOLD
from infrastructure.all_migrations import apply_migrations
from infrastructure.canvas.circuit_breakers import CircuitBreakers
from infrastructure.postgres.pools import open_read_pool
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from interfaces.queries.health import HealthCheck
from projections.registry import READ_MODELS


async def no_roles() -> dict[str, str]:
    return {}


async def test_unavailable_canvas_hosts_are_counted_and_not_named(database_url: str) -> None:
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    async with (
        open_read_pool(database_url) as read_pool,
        AsyncConnectionPool(database_url, min_size=1, open=False) as queue_pool,
    ):
        check_health = HealthCheck(read_pool, database_url, no_roles)
        assert (await check_health()).informational == {"canvas": "ok"}
        for _ in range(FAILURE_THRESHOLD):
            await CircuitBreakers(queue_pool, read_pool).record_failure("https://silent.example")
        required, informational = await check_health()
    assert set(required.values()) == {"ok"}
    assert informational == {"canvas": "hosts that do not respond: 1, of them probed: 0"}


async def test_a_database_that_cannot_be_reached_is_reported(database_url: str) -> None:
    async with open_read_pool(database_url) as read_pool:
        report = await HealthCheck(read_pool, "postgresql://127.0.0.1:9/none", no_roles)()
    assert report.required.keys() == {"database"}
    assert "DATABASE_URL" in report.required["database"]
    assert "127.0.0.1" not in report.required["database"], "anyone can read the report"
    assert report.informational == {}
