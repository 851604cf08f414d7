"""Sealing goes on after a process was killed anywhere, with one process at a time."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import WritePool
from tests.deadlines import scaled
from tests.infrastructure.event_store.event_rows import InMemoryPersonKeys
from tests.infrastructure.seals.killed_processes import publish_until, start_sealing
from tests.infrastructure.seals.log_rows import (
    burn_positions,
    expected_entries,
    insert_rows,
)
from tests.infrastructure.seals.published_files import verified_size
from tests.infrastructure.seals.sealers import expected_tiles, stored_tiles

pytestmark = pytest.mark.process

KILLED = -9


def test_a_process_that_is_killed_at_any_step_leaves_what_the_next_one_completes(
    database_url: str, tmp_path: Path
) -> None:
    directory, step, size = tmp_path / "seals", 0, 250
    insert_rows(database_url, size)
    while True:
        step, size = step + 1, size + 1
        insert_rows(database_url, 1)
        exit_code = publish_until(step, database_url, directory)
        if (directory / "checkpoint").exists():
            assert verified_size(directory) <= size
        if exit_code == 0:
            break
        assert exit_code == KILLED
    assert step > 8, "each run is killed one step later"
    assert verified_size(directory) == size
    assert stored_tiles(database_url) == expected_tiles(database_url)


def test_processes_that_are_killed_make_one_tree(database_url: str, tmp_path: Path) -> None:
    rng, directory = Random(14), tmp_path / "seals"
    insert_rows(database_url, 2000)
    processes = [start_sealing(database_url, directory, f"process {n}", 100) for n in range(2)]
    for number in range(8):
        time.sleep(rng.uniform(0.05, 0.8))
        insert_rows(database_url, rng.randrange(1, 300))
        burn_positions(database_url, rng.randrange(3))
        victim = rng.randrange(2)
        processes[victim].kill()
        processes[victim].join()
        name = f"process {number + 2}"
        processes[victim] = start_sealing(database_url, directory, name, 100)
    total = len(expected_entries(database_url))
    wait_until(lambda: published_size(directory) == total)
    for process in processes:
        process.kill()
        process.join()
    assert verified_size(directory) == total
    assert stored_tiles(database_url) == expected_tiles(database_url)


def test_a_mark_that_was_read_lately_needs_no_statement(
    database_url: str, write_pool: WritePool
) -> None:
    reader = LogReader(write_pool, Mapper(InMemoryPersonKeys()))
    assert reader.recent_place(60).position == 0
    (position,) = insert_rows(database_url, 1)
    assert reader.recent_place(60).position == 0, "the log was not read again"
    assert reader.recent_place(0).position == position
    assert reader.recent_place(60).position == position


def published_size(directory: Path) -> int:
    try:
        return int((directory / "checkpoint").read_text().split("\n")[1])
    except FileNotFoundError:
        return 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(20)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
