"""Which Canvas accounts somebody is connected to."""

from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import orjson
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import due_at, wait_of
from projections.connections.query import connection_of, connections_of
from projections.support.json_documents import rfc3339
from tests.projections.conftest import Told
from tests.projections.event_builders import BEGAN, PERSON, Account, Past, erased
from tests.projections.pages import leafed, loaded

INTERVAL = timedelta(hours=2)


def due(account: Account, rested_at: datetime) -> str:
    return rfc3339(due_at(rested_at, wait_of(account.id, 0), INTERVAL))


async def test_a_connection_as_the_contract_has_it(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past(step=timedelta(minutes=1))
    account = Account(past).open().run()
    account.decide(lambda connection: connection.confirm("Ada L."))
    tell(past.events)
    answer = await connection_of(PERSON, account.id, interval=INTERVAL, pool=pool)
    assert answer
    assert orjson.loads(answer) == {
        "id": str(account.id),
        "canvas_url": "https://canvas.example",
        "canvas_name": "Example U",
        "canvas_user": {"id": "42", "name": "Ada L."},
        "status": "active",
        "token_fingerprint": "0a1b2c3d",
        "token_rotated_at": "2026-09-01T12:01:00Z",
        "last_validated_at": "2026-09-01T12:05:00Z",
        "last_synced_at": "2026-09-01T12:04:00Z",
        "next_sync_at": due(account, BEGAN + timedelta(minutes=4)),
        "created_at": "2026-09-01T12:01:00Z",
        "version": 2,
    }
    assert await connection_of(uuid4(), account.id, interval=INTERVAL, pool=pool) is None


async def test_a_rejected_token_stops_the_clock_until_it_is_replaced(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open().decide(lambda connection: connection.reject_token("revoked"))
    tell(past.events)
    (stopped,) = loaded(await connections_of(PERSON, interval=INTERVAL, limit=None, pool=pool))
    assert (stopped["status"], stopped["next_sync_at"]) == ("token_rejected", None)
    account.decide(lambda connection: connection.rotate_token("42", "ffffffff"))
    tell(past.events)
    (going,) = loaded(await connections_of(PERSON, interval=INTERVAL, limit=None, pool=pool))
    assert (going["status"], going["token_fingerprint"]) == ("active", "ffffffff")
    assert going["next_sync_at"] == due(account, BEGAN + past.step)


async def test_pages(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    ids = [str(Account(past, url=f"https://canvas{n}.example").open().id) for n in range(5)]
    tell(past.events)

    ask = partial(connections_of, PERSON, interval=INTERVAL, pool=pool)
    assert [one["id"] for one in await leafed(ask, 2)] == ids


async def test_closed_or_erased_there_is_nothing(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    Account(past).open().decide(lambda connection: connection.close())
    Account(past, url="https://other.example").open()
    past.record(PERSON, erased(PERSON))
    tell(past.events[:2])
    assert (await connections_of(PERSON, interval=INTERVAL, limit=None, pool=pool)).items == []
    tell(past.events)
    assert (await connections_of(PERSON, interval=INTERVAL, limit=None, pool=pool)).items == []
