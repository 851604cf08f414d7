"""Sends sync and grade events to connected clients as soon as they are in the event log."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from domain.recorded_event import RecordedEvent
from infrastructure.subscriptions.person_log import PersonLog
from infrastructure.subscriptions.poller import Poller
from interfaces.live.messages import RUN_START_TOPIC, MessageBuilder
from interfaces.live.stream import MAX_REPLAYED_POSITIONS, Message
from interfaces.live.subscriber_queue import SubscriberQueue

LIVE_BUSY_POLL_SECONDS = 0.01
"""Poll interval while events arrive, and for LIVE_BUSY_PERIOD_SECONDS after the last one."""
LIVE_IDLE_POLL_SECONDS = 0.05
LIVE_BUSY_PERIOD_SECONDS = 1.0
MAX_CONCURRENT_SNAPSHOTS = 4
"""How many clients of this process may load their snapshot from the database at a time."""

Delivery = tuple[SubscriberQueue, Message]
"""A message for one subscriber."""


class Broadcast:
    """Reads the event log in one thread for all subscribers of this process.

    The thread is idle while there are no subscribers. Only the thread uses `_subscribers`; the
    event loop passes it new and ended subscriptions in two deques. The thread never changes a
    queue: it lets the event loop do so.

    `open_log` opens the log of the events that clients can receive; `load_position` returns the
    position up to which the read model `sync_log` has applied the log.
    """

    def __init__(
        self,
        open_log: Callable[[], AbstractContextManager[PersonLog]],
        load_position: Callable[[], Awaitable[int]],
    ) -> None:
        self.snapshot_slots = asyncio.Semaphore(MAX_CONCURRENT_SNAPSHOTS)
        self._open_log = open_log
        self._load_position = load_position
        self._pending_joins: deque[SubscriberQueue] = deque()
        self._pending_leaves: deque[SubscriberQueue] = deque()
        self._subscribers: dict[UUID, set[SubscriberQueue]] = {}
        self._position = 0
        self._busy_until = 0.0
        self._poller = Poller("live", self._poll)
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._log = self._resources.enter_context(self._open_log())
        self._message_builder = self._new_message_builder()
        self._resources.push_async_callback(asyncio.to_thread, self._poller.stop)
        self._poller.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._resources.aclose()

    async def current_position(self) -> int:
        """Return the position that every snapshot from now on includes."""
        return await self._load_position()

    def wake(self) -> None:
        """Read the log at once, because an event was appended; threadsafe, does not block."""
        self._poller.wake()

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Yield the messages about a person after a position, while the block runs.

        They end if the subscriber is too slow. Events more than MAX_REPLAYED_POSITIONS before the
        high-water mark are not sent.
        """
        queue = SubscriberQueue(person_id, after)
        self._pending_joins.append(queue)
        self._poller.wake()
        try:
            yield queue
        finally:
            queue.closed = True
            self._pending_leaves.append(queue)

    # The following methods run in the thread.

    def _poll(self) -> float | None:
        """Publish new events; return the seconds until the next poll, None to wait for `wake`."""
        if not self._subscribers and not self._pending_joins:
            return None
        try:
            high_water_mark = self._log.high_water_mark()
            self._admit_subscribers(high_water_mark)
            self._remove_subscribers()
            return self._publish(high_water_mark)
        except Exception:
            # The builder may have applied events that were not sent and are read again.
            self._message_builder.evict_all_runs()
            raise

    def _admit_subscribers(self, high_water_mark: int) -> None:
        new_subscribers = list(self._pending_joins)
        if not new_subscribers:
            return
        start = max(
            high_water_mark - MAX_REPLAYED_POSITIONS,
            min(subscriber.after for subscriber in new_subscribers),
        )
        if self._subscribers:
            self._replay(new_subscribers, start)
        else:
            self._position = start
            self._message_builder.evict_all_runs()
        for subscriber in new_subscribers:
            if not subscriber.closed:
                self._subscribers.setdefault(subscriber.person_id, set()).add(subscriber)
            self._pending_joins.popleft()

    def _replay(self, new_subscribers: Sequence[SubscriberQueue], start: int) -> None:
        """Send new subscribers what they missed; the others have received it already."""
        by_person: dict[UUID, set[SubscriberQueue]] = {}
        for subscriber in new_subscribers:
            by_person.setdefault(subscriber.person_id, set()).add(subscriber)
        message_builder, position = self._new_message_builder(), start
        while position < self._position:
            page = self._log.read(position, self._position, by_person)
            self._deliver(page.events, message_builder, by_person)
            position = page.up_to

    def _remove_subscribers(self) -> None:
        while self._pending_leaves:
            subscriber = self._pending_leaves.popleft()
            others = self._subscribers.get(subscriber.person_id, set())
            others.discard(subscriber)
            if not others:
                self._subscribers.pop(subscriber.person_id, None)

    def _publish(self, high_water_mark: int) -> float:
        now = time.monotonic()
        if high_water_mark > self._position:
            self._busy_until = now + LIVE_BUSY_PERIOD_SECONDS
            self._message_builder.evict_runs_except(self._subscribers)
            page = self._log.read(self._position, high_water_mark, self._subscribers)
            self._deliver(page.events, self._message_builder, self._subscribers)
            self._position = page.up_to
            if page.up_to < high_water_mark:
                return 0.0
        return LIVE_BUSY_POLL_SECONDS if now < self._busy_until else LIVE_IDLE_POLL_SECONDS

    def _deliver(
        self,
        events: Iterable[RecordedEvent],
        message_builder: MessageBuilder,
        subscribers: dict[UUID, set[SubscriberQueue]],
    ) -> None:
        """Build the messages and pass them to the event loop.

        Wait until they are in the queues, so that the thread is never more than a page ahead.
        """
        deliveries = [
            (subscriber, message)
            for recorded in events
            if (message := message_builder.build(recorded))
            for subscriber in subscribers[recorded.person_id]
        ]
        if deliveries:
            enqueued = threading.Event()
            self._loop.call_soon_threadsafe(_enqueue, deliveries, enqueued)
            enqueued.wait()

    def _new_message_builder(self) -> MessageBuilder:
        return MessageBuilder(partial(self._log.read_since, RUN_START_TOPIC))


def _enqueue(deliveries: Iterable[Delivery], enqueued: threading.Event) -> None:
    for subscriber, message in deliveries:
        subscriber.put(message)
    enqueued.set()
