"""A rotation of the master key in two steps, which no order of restarts breaks."""

from collections.abc import AsyncIterator, Iterator
from itertools import permutations

import psycopg
import pytest

from infrastructure.crypto import key_activation
from infrastructure.crypto.key_activation import (
    KeyNotActivated,
    activate_key,
    close_other_keys,
)
from infrastructure.crypto.key_check import WrongMasterKey, check_master_key
from infrastructure.crypto.key_status import read_key_status
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.queue.heartbeats import Heartbeats
from tests.infrastructure.crypto.keyed_processes import (
    BOTH,
    KEY_1,
    KEY_2,
    ONE,
    TWO,
    Installation,
    open_installation,
)

Step = tuple[str, str]
"""A process and the keys with which it is restarted, or `rotate` and those of the operator."""

STEPS: tuple[Step, ...] = (
    ("first", BOTH),
    ("second", BOTH),
    ("rotate", BOTH),
    ("first", TWO),
    ("second", TWO),
)
ORDERS = [
    order
    for order in permutations(STEPS)
    # The processes are alike.
    if order.index(("first", BOTH)) < order.index(("second", BOTH))
]


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
async def installation(
    database_url: str, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    async with open_installation(database_url, pool, monkeypatch) as installation:
        yield installation


def key_ids_of_records(pool: WritePool) -> set[str]:
    rows = execute(
        pool,
        "SELECT key_id FROM easeboard.people_keys UNION SELECT key_id FROM easeboard.canvas_tokens",
    )
    return {key_id for (key_id,) in rows}


@pytest.mark.parametrize("first_step", sorted({order[0] for order in ORDERS}))
async def test_no_order_of_steps_makes_a_secret_unreadable_for_a_running_process(
    installation: Installation, pool: WritePool, first_step: Step
) -> None:
    outcomes: set[bool | str] = set()
    for order in (order for order in ORDERS if order[0] == first_step):
        await installation.reset(processes=2)
        by_name = dict(zip(("first", "second"), installation.processes, strict=True))
        await installation.require_everything_works()
        for name, keys in order:
            if name == "rotate":
                outcomes.add(await installation.rotate(keys) is not None)
            else:
                await by_name[name].restart(keys)
                outcomes.add(by_name[name].is_running or by_name[name].refusal)
            await installation.require_everything_works()
        await installation.require_all_is_readable()
        # Whatever went wrong, the procedure puts it right.
        for keys in (BOTH, TWO):
            for process in installation.processes:
                await process.restart(keys)
            assert len(installation.running) == 2
            assert await installation.rotate(keys)
        await installation.require_everything_works()
        await installation.require_all_is_readable()
        assert key_ids_of_records(pool) == {"k2"}
    refusal = (
        "Data in this database is encrypted with the master key `k1`, which CANVAS_ENCRYPTION_KEY "
        "does not contain (it contains k2): add `k1=<key>` at its end."
    )
    assert outcomes == {True, False, refusal}


async def test_a_rotation_can_be_undone_at_every_step(
    installation: Installation, pool: WritePool
) -> None:
    first_then_second = f"{KEY_1},{KEY_2}"
    for has_rotated in (False, True):
        await installation.reset(processes=2)
        await installation.require_everything_works()
        for process in installation.processes:
            await process.restart(BOTH)
        if has_rotated:
            assert await installation.rotate()
            for process in installation.processes:
                await process.restart(first_then_second)
            await installation.require_everything_works()
            assert await installation.rotate(first_then_second)
        for process in installation.processes:
            await process.restart(ONE)
            await installation.require_everything_works()
        assert len(installation.running) == 2
        assert key_ids_of_records(pool) == {"k1"}


async def test_a_key_is_not_activated_while_a_live_process_lacks_it(
    installation: Installation, pool: WritePool
) -> None:
    await installation.reset(processes=3)
    first, second, third = installation.processes
    await first.restart(BOTH)
    await third.restart("k2=hex:" + "00ff" * 16 + f",{KEY_1}")
    with pytest.raises(KeyNotActivated) as refusal:
        activate_key(pool, parse_key_ring(BOTH).newest)
    assert first.name not in str(refusal.value)
    assert f"{second.name}:" in str(refusal.value)
    # Another key of the same id is not this key.
    assert f"{third.name}:" in str(refusal.value)
    assert "earlier release" not in str(refusal.value)
    execute(pool, "UPDATE easeboard.workers SET master_keys = NULL")
    with pytest.raises(KeyNotActivated, match="earlier release"):
        activate_key(pool, parse_key_ring(BOTH).newest)
    assert execute(pool, "SELECT id FROM easeboard.master_keys") == [("k1",)]
    execute(pool, "UPDATE easeboard.workers SET heartbeat_at = heartbeat_at - INTERVAL '31 s'")
    assert activate_key(pool, parse_key_ring(BOTH).newest)
    assert not activate_key(pool, parse_key_ring(BOTH).newest)


async def test_a_heartbeat_without_the_active_key_is_refused_and_withdrawn(
    installation: Installation, pool: WritePool
) -> None:
    await installation.reset(processes=0)
    check_master_key(pool, parse_key_ring(TWO))
    heartbeats = Heartbeats(installation.async_pool, ["api"], ring=parse_key_ring(ONE))
    with pytest.raises(WrongMasterKey, match="`k2`, which CANVAS_ENCRYPTION_KEY does not contain"):
        await heartbeats.run_heartbeat()
    assert execute(pool, "SELECT name FROM easeboard.workers") == []


async def test_a_process_that_has_not_noticed_encrypts_with_the_active_key(
    installation: Installation, pool: WritePool
) -> None:
    await installation.reset(processes=1)
    (process,) = installation.processes
    await process.restart(BOTH)
    assert await installation.rotate()
    # As after a pause of the whole process, before its next heartbeat.
    process.ring.use("k1")
    await process.write()
    await installation.require_all_is_readable()
    assert key_ids_of_records(pool) == {"k2"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO easeboard.people_keys VALUES (gen_random_uuid(), 'k1', 'x')",
        "UPDATE easeboard.people_keys SET key_id = 'k1'",
        "UPDATE easeboard.canvas_tokens SET key_id = 'k1', wrapped = 'x', sealed = 'x'",
        """
        INSERT INTO easeboard.canvas_tokens
        VALUES (gen_random_uuid(), 'f', gen_random_uuid(), 'k1', 'x', 'x')
        """,
    ],
)
async def test_the_database_refuses_what_is_encrypted_with_a_closed_key(
    installation: Installation, pool: WritePool, statement: str
) -> None:
    await installation.reset(processes=1)
    (process,) = installation.processes
    await process.restart(BOTH)
    await process.write()
    assert await installation.rotate()
    with pytest.raises(psycopg.DatabaseError) as refusal:
        execute(pool, statement)
    assert refusal.value.sqlstate == "EB004"


def test_closing_waits_for_a_transaction_that_writes_under_the_key(
    pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_master_key(pool, parse_key_ring(ONE))
    new = parse_key_ring(BOTH).newest
    activate_key(pool, new)
    monkeypatch.setattr(key_activation, "CLOSE_ATTEMPTS", 1)
    with pool.connection() as writing:
        writing.execute("INSERT INTO easeboard.people_keys VALUES (gen_random_uuid(), 'k1', 'x')")
        with pytest.raises(KeyNotActivated, match="does not end"):
            close_other_keys(pool, new)
        writing.rollback()
    close_other_keys(pool, new)
    open_keys = execute(pool, "SELECT id FROM easeboard.master_keys WHERE closed_at IS NULL")
    assert open_keys == [("k2",)]


def test_a_new_database_uses_the_newest_key_at_once(pool: WritePool) -> None:
    ring = parse_key_ring(BOTH)
    check_master_key(pool, ring)
    assert ring.active.id == "k2"
    with pytest.raises(WrongMasterKey, match="`k2`"):
        check_master_key(pool, parse_key_ring(ONE))
    later = parse_key_ring(f"k3={KEY_1.removeprefix('k1=')},{BOTH}")
    check_master_key(pool, later)
    assert later.active.id == "k2"


async def test_the_next_step_is_described(installation: Installation, pool: WritePool) -> None:
    await installation.reset(processes=2)
    first, second = installation.processes
    await installation.require_everything_works()

    def describe(keys: str) -> list[str]:
        return read_key_status(pool, parse_key_ring(keys)).describe()

    assert describe(ONE) == []
    (step,) = describe(",".join(reversed(BOTH.split(","))))
    assert step.startswith("Nothing is encrypted with the master key k2: to rotate to it, put it")
    await first.restart(BOTH)
    (step,) = describe(BOTH)
    assert second.name in step
    assert first.name not in step
    await second.restart(BOTH)
    assert describe(BOTH) == [
        "The master key k2 is not active yet, and every process has it: run easeboard keys rotate"
    ]
    activate_key(pool, parse_key_ring(BOTH).newest)
    assert describe(BOTH) == [
        "4 records are encrypted with the master key k1: run easeboard keys rotate"
    ]
    assert await installation.rotate()
    (step,) = describe(BOTH)
    assert step.startswith("Nothing is encrypted with the master key k1 any more: remove it from")
    assert describe(TWO) == []
