import pytest
from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import FAILURE_THRESHOLD
from infrastructure.all_migrations import apply_migrations
from infrastructure.canvas.circuit_breakers import CircuitBreakers
from infrastructure.postgres.pools import open_pools
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.pause import pause_projection
from infrastructure.projection_engine.versions import connect
from interfaces.queries import health
from interfaces.queries.health import HealthCheck
from projections.registry import READ_MODELS


async def no_roles() -> dict[str, str]:
    return {}


async def test_failing_canvas_hosts_are_counted_and_not_named(database_url: str) -> None:
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    async with (
        open_pools(database_url, write_size=1, read_size=1) as pools,
        AsyncConnectionPool(database_url, min_size=1, open=False) as queue_pool,
    ):
        check_health = HealthCheck(pools, database_url, no_roles)
        assert (await check_health()).informational == {"canvas": "ok"}
        breakers = CircuitBreakers(queue_pool, pools.read_pool)
        await breakers.record_failure("https://shaky.example")
        first = (await check_health()).informational
        for _ in range(FAILURE_THRESHOLD):
            await breakers.record_failure("https://silent.example")
        required, informational = await check_health()
    assert first == {"canvas": "hosts that failed last: 1, of them without requests now: 0"}
    assert set(required.values()) == {"ok"}
    assert informational == {"canvas": "hosts that failed last: 2, of them without requests now: 1"}


async def test_a_database_that_cannot_be_reached_is_reported(database_url: str) -> None:
    async with open_pools(database_url, write_size=1, read_size=1) as pools:
        report = await HealthCheck(pools, "postgresql://127.0.0.1:9/none", no_roles)()
    assert report.required.keys() == {"database"}
    assert "DATABASE_URL" in report.required["database"]
    assert "127.0.0.1" not in report.required["database"], "anyone can read the report"
    assert report.informational == {}


async def test_a_paused_read_model_is_shown_and_the_process_stays_ready(database_url: str) -> None:
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    with connect(database_url) as connection:
        pause_projection(connection, "courses")
        connection.execute(
            "SELECT easeboard.append(gen_random_uuid(), gen_random_uuid(), FALSE, 'test', NULL,"
            " NULL, ARRAY[gen_random_uuid()], ARRAY[1::bigint], ARRAY['ConnectionOpened'],"
            r" ARRAY['\x00'::bytea])"
        )
        with connection.transaction():
            connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
            connection.execute("UPDATE easeboard.events SET recorded_at = '2026-01-01'")
            connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER USER")
    async with open_pools(database_url, write_size=1, read_size=1) as pools:
        required, informational = await HealthCheck(pools, database_url, no_roles)()
    assert "grades is live" in required["projections"]
    assert "courses" not in required["projections"]
    assert informational["projections_paused"] == "courses"


@pytest.mark.parametrize(
    "revocation",
    [
        "REVOKE SELECT ON read.courses FROM CURRENT_USER",
        "REVOKE USAGE ON SCHEMA read FROM CURRENT_USER",
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA easeboard FROM PUBLIC, CURRENT_USER",
    ],
)
async def test_a_right_without_which_requests_fail_is_reported(
    database_url: str, revocation: str
) -> None:
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    async with open_pools(database_url, write_size=1, read_size=1) as pools:
        check_health = HealthCheck(pools, database_url, no_roles)
        with connect(database_url) as connection:
            connection.execute("CREATE VIEW read.of_others AS SELECT 1 AS n")
            connection.execute("REVOKE ALL ON read.of_others FROM CURRENT_USER")
            assert (await check_health()).required["database"] == "ok"
            connection.execute(revocation.encode())
        required, _ = await check_health()
    assert "lacks a right" in required["database"]


async def test_a_migration_that_breaks_a_running_process_is_noticed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MIGRATIONS_VALID_SECONDS", 0.0)
    apply_migrations(database_url)
    ensure_read_models(database_url, READ_MODELS)
    async with open_pools(database_url, write_size=1, read_size=1) as pools:
        check_health = HealthCheck(pools, database_url, no_roles)
        assert (await check_health()).required["migrations"] == "ok"
        with connect(database_url) as connection:
            connection.execute(
                """
                INSERT INTO easeboard.schema_migrations (version, name, sha256, breaks_before)
                VALUES (9999, '9999_breaks', repeat('0', 64), 9000)
                """
            )
        assert "9999_breaks" in (await check_health()).required["migrations"]
