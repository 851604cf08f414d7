"""What was read ahead is used only where it belongs."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage
from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.projection_engine.prefetch import Prefetcher
from tests.infrastructure.projection_engine.wait_for_projections import wait_until


class PageSource:
    """A log without events, which notes what is read."""

    def __init__(self) -> None:
        self.timeline = 1
        self.reads: list[tuple[int, int]] = []

    def safe_place(self) -> LogPosition:
        return LogPosition(self.timeline, 100)

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:  # noqa: ARG002  # it has no events
        self.reads.append((self.timeline, after))
        return EventPage([], min(up_to, after + limit))

    def of_slice(self, _: PeopleSlice) -> "PageSource":
        return self


@pytest.fixture
def source() -> PageSource:
    return PageSource()


@pytest.fixture
def prefetcher(source: PageSource) -> Iterator[Prefetcher]:
    with closing(Prefetcher(source)) as prefetcher:
        yield prefetcher


def read_all(prefetcher: Prefetcher, positions: Sequence[int]) -> list[int]:
    return [prefetcher.read(after, 100, ["Topic"], 10).up_to for after in positions]


def test_each_batch_is_read_once(source: PageSource, prefetcher: Prefetcher) -> None:
    assert read_all(prefetcher, range(0, 100, 10)) == list(range(10, 101, 10))
    assert source.reads == [(1, after) for after in range(0, 100, 10)]


def test_batches_of_another_timeline_are_discarded(
    source: PageSource, prefetcher: Prefetcher
) -> None:
    read_all(prefetcher, [0, 10])
    source.timeline = 2
    read_all(prefetcher, [20])
    assert (2, 20) in source.reads


def test_batches_are_discarded_after_an_error(source: PageSource, prefetcher: Prefetcher) -> None:
    read_all(prefetcher, [0, 10])
    wait_until(lambda: (1, 30) in source.reads)
    prefetcher.discard()
    count = source.reads.count((1, 20))
    read_all(prefetcher, [20])
    assert source.reads.count((1, 20)) == count + 1
