"""The live connections of a person who is erased are closed, and cannot be opened again."""

import asyncio
import json

import pytest

from domain.errors import PersonIsErased
from domain.log_position import LogPosition
from interfaces.live.stream import Message
from interfaces.live.subscriber_queue import SubscriberQueue
from tests.deadlines import scaled
from tests.dev_tokens import ADA, token_of
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.live.test_websocket import close_code, open_websocket


async def test_a_queue_ends_at_once_with_the_reason() -> None:
    queue = SubscriberQueue(ADA)
    queue.put(Message(LogPosition(1, 1), "of the person"))
    queue.erase()
    with pytest.raises(PersonIsErased):
        await anext(queue)


async def test_a_queue_that_waits_ends() -> None:
    queue = SubscriberQueue(ADA)
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    queue.erase()
    with pytest.raises(PersonIsErased):
        await asyncio.wait_for(waiting, scaled(5))


async def test_a_websocket_of_an_erased_person_closes_with_4410(
    base_url: str, service: FakeService
) -> None:
    service.erased.add(ADA)
    async with open_websocket(base_url) as client:
        await client.send(json.dumps({"type": "auth", "token": token_of()}))
        assert await close_code(client) == 4410
