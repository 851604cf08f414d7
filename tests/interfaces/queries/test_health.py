"""What is told of the hosts of Canvas."""

from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import TRIES
from infrastructure.canvas.circuit_breakers import Circuits
from infrastructure.postgres import pools
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.queue.database_schema import bring_up_to_date
from interfaces.composition.process import Pools
from interfaces.queries.health import Health
from projections.registry import READ_MODELS


async def nobody() -> dict[str, str]:
    return {}


async def test_hosts_that_do_not_answer_are_counted_and_not_named(database_url: str) -> None:
    bring_up_to_date(database_url)
    ensure_read_models(database_url, READ_MODELS)
    with pools.writes(database_url) as writes:
        async with (
            pools.reads(database_url) as reads,
            AsyncConnectionPool(database_url, min_size=1, open=False) as pool,
        ):
            health = Health(Pools(writes=writes, reads=reads), database_url, nobody)
            assert (await health()).told == {"canvas": "ok"}
            for _ in range(TRIES):
                await Circuits(pool, reads).is_silent("https://silent.example")
            needed, told = await health()
    assert set(needed.values()) == {"ok"}
    assert told == {"canvas": "hosts that do not answer: 1, being tried again: 0"}
