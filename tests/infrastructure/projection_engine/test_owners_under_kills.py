"""No read model is long without an owner while processes come and go, and none has two."""

import random
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from domain.events import ConnectionOpened
from domain.recorded_event import RecordedEvent
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.ownership import OWNER_LEASE_SECONDS
from tests.deadlines import slowness
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.projector_processes import (
    MODELS,
    Projectors,
    live_projectors,
    running_projectors,
)
from tests.infrastructure.projection_engine.wait_for_projections import (
    wait_until,
    wait_until_all_at,
)
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
CHANGES = 50
MAX_UNOWNED_SECONDS = 5.0
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"

RECORD_OWNERS = """
CREATE TABLE public.owner_history (
    at double precision NOT NULL, name text NOT NULL, owner text NOT NULL, epoch bigint NOT NULL,
    is_held boolean NOT NULL
);
CREATE FUNCTION public.record_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.owner_history
    SELECT extract(epoch FROM clock_timestamp())::float8, NEW.name, NEW.owner, NEW.epoch,
           NEW.until >= clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER record_owner
 AFTER INSERT OR UPDATE ON easeboard.projection_owners
   FOR EACH ROW EXECUTE FUNCTION public.record_owner();
"""
SELECT_HISTORY = "SELECT at, name, owner, epoch, is_held FROM public.owner_history ORDER BY at"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"


class Change(NamedTuple):
    """A row of the history of owners."""

    at: float
    name: str
    owner: str
    epoch: int
    is_held: bool


def seconds_without_owner(history: list[Change], ends: dict[str, float], until: float) -> float:
    """Return the longest time in which a read model had no owner that was alive."""
    longest = 0.0
    changes_of: defaultdict[str, list[Change]] = defaultdict(list)
    for change in history:
        changes_of[change.name].append(change)
    for changes in changes_of.values():
        owned_until = changes[0].at
        for change, following in pairwise([*changes, Change(until, "", "", 0, False)]):
            if not change.is_held or ends.get(change.owner, until) < change.at:
                continue
            longest = max(longest, change.at - owned_until)
            owned_until = min(following.at, ends.get(change.owner, until))
        longest = max(longest, until - owned_until)
    return longest


@pytest.mark.process
def test_no_read_model_is_long_without_an_owner_while_processes_come_and_go(
    database_url: str, connection: Connection, log_builder: LogBuilder
) -> None:
    rng = random.Random(7)
    events = RandomHistory(51, people=3).generate(4 * CHANGES)
    ensure_read_models(database_url, MODELS)
    connection.execute(RECORD_OWNERS)
    ends: dict[str, float] = {}
    with running_projectors(database_url) as projectors:
        projectors.start()
        wait_until(lambda: len(live_projectors(connection)) == 1)
        for number in range(CHANGES):
            _change_something(connection, projectors, ends, rng)
            log_builder.append(events[4 * number : 4 * number + 4])
            time.sleep(rng.uniform(0.02, 0.4))
        wait_until_all_at(connection, log_builder.head())
        [(until,)] = connection.execute(NOW).fetchall()
    history = [Change(*row) for row in connection.execute(SELECT_HISTORY)]
    assert len(ends) > CHANGES / 4
    assert seconds_without_owner(history, ends, until) < MAX_UNOWNED_SECONDS * slowness()
    assert_each_event_is_applied_once(connection, events)


def assert_each_event_is_applied_once(
    connection: Connection, events: Sequence[RecordedEvent]
) -> None:
    opened = [each.position for each in events if isinstance(each.event, ConnectionOpened)]
    for model in MODELS:
        table = sql.Identifier(f"{model.name}_v1", "counted")
        rows = connection.execute(sql.SQL("SELECT position FROM {} ORDER BY 1").format(table))
        assert len(rows.fetchall()) == len(opened)


def _change_something(
    connection: Connection, projectors: Projectors, ends: dict[str, float], rng: random.Random
) -> None:
    """Start, stop or kill a process; one that has started is always left."""
    ready = sorted(live_projectors(connection) & projectors.processes.keys())
    if len(projectors.processes) < 5 and (len(ready) < 2 or rng.random() < 0.5):
        projectors.start()
        return
    if len(ready) < 2:
        return
    name = rng.choice(ready)
    if rng.random() < 0.7:
        [(ends[name],)] = connection.execute(NOW).fetchall()
        projectors.end(name, signal.SIGKILL)
    else:
        projectors.end(name, signal.SIGTERM)
        [(ends[name],)] = connection.execute(NOW).fetchall()


@pytest.mark.process
def test_a_suspended_owner_that_wakes_writes_nothing(
    database_url: str, connection: Connection, log_builder: LogBuilder
) -> None:
    """It is suspended in the middle of a transaction, which has applied events."""
    events = RandomHistory(52).generate(60)
    ensure_read_models(database_url, MODELS)
    _let_projectors_wait_for_a_lock(connection)
    with (
        running_projectors(database_url) as projectors,
        psycopg.connect(database_url, autocommit=True) as gate,
    ):
        frozen = projectors.start()
        wait_until(lambda: len(live_projectors(connection)) == 1)
        gate.execute("SELECT pg_advisory_lock(77)")
        log_builder.append(events[:30])
        wait_until(lambda: connection.execute(BLOCKED).fetchall() == [(1,)])
        projectors.suspend(frozen)
        gate.execute("SELECT pg_advisory_unlock(77)")
        other = projectors.start()
        wait_until(lambda: _owners(connection) == {other}, seconds=4 * OWNER_LEASE_SECONDS)
        wait_until_all_at(connection, log_builder.head())
        epochs = _epochs(connection)
        projectors.wake(frozen)
        wait_until(lambda: _owners(connection) == {frozen, other})
        assert all(_epochs(connection)[name] >= epoch for name, epoch in epochs.items())
        log_builder.append(events[30:])
        wait_until_all_at(connection, log_builder.head())
    assert_each_event_is_applied_once(connection, events)


def _let_projectors_wait_for_a_lock(connection: Connection) -> None:
    connection.execute(
        """
        CREATE FUNCTION public.wait_for_gate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(77);
            RETURN NEW;
        END
        $$;
        CREATE TRIGGER gate BEFORE INSERT ON first_v1.counted
           FOR EACH ROW EXECUTE FUNCTION public.wait_for_gate();
        """
    )


def _owners(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT owner FROM easeboard.projection_owners WHERE until >= clock_timestamp()"
    ).fetchall()
    return {owner for (owner,) in rows}


def _epochs(connection: Connection) -> dict[str, int]:
    return dict(
        connection.execute("SELECT name, epoch FROM easeboard.projection_owners").fetchall()
    )
