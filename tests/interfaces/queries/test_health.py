"""What is told of the hosts of Canvas."""

from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import FAILURE_THRESHOLD
from infrastructure.canvas.circuit_breakers import CircuitBreakers
from infrastructure.postgres import pools
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.queue.database_schema import apply_migrations
from interfaces.composition.process import Pools
from interfaces.queries.health import HealthCheck
from projections.registry import READ_MODELS


async def no_roles() -> dict[str, str]:
    return {}


async def test_unavailable_canvas_hosts_are_counted_and_not_named(database_url: str) -> None:
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    with pools.open_write_pool(database_url) as write_pool:
        async with (
            pools.open_read_pool(database_url) as read_pool,
            AsyncConnectionPool(database_url, min_size=1, open=False) as queue_pool,
        ):
            check_health = HealthCheck(
                Pools(write_pool=write_pool, read_pool=read_pool), database_url, no_roles
            )
            assert (await check_health()).informational == {"canvas": "ok"}
            for _ in range(FAILURE_THRESHOLD):
                await CircuitBreakers(queue_pool, read_pool).record_failure(
                    "https://silent.example"
                )
            required, informational = await check_health()
    assert set(required.values()) == {"ok"}
    assert informational == {"canvas": "hosts that do not answer: 1, being tried again: 0"}
