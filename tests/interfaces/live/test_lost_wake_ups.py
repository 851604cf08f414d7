"""Notifications only make messages faster: what they announce is found without them, too."""

import pytest

from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from projections.registry import READ_MODELS
from tests.dev_tokens import ADA
from tests.interfaces.live.broadcast_fixture import open_broadcast


@pytest.fixture(params=[True, False], ids=["as if woken", "without notifications"])
def is_woken(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_messages_and_read_models_are_found_without_a_wake_up(
    database_url: str, *, is_woken: bool
) -> None:
    async with open_broadcast(database_url, is_woken=lambda: is_woken) as live:
        ensure_read_models(database_url, READ_MODELS)
        reader = LogReader(live.pool, Mapper(PersonKeys(live.pool, live.ring)))
        with ProjectionDaemon(database_url, reader, READ_MODELS, is_woken=lambda: is_woken):
            driver = live.sync_driver(ADA)
            async with live.follow(ADA) as subscriber:
                await subscriber.receive()
                driver.request()
                assert (await subscriber.receive_status())[0] == "queued"
                driver.start()
                assert (await subscriber.receive_status())[0] == "running"
