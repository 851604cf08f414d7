"""Sends sync and grade events to connected clients as soon as they can be read."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from domain.events import PersonErased
from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.timelines import START
from infrastructure.subscriptions.followed_log import VALID_SECONDS
from infrastructure.subscriptions.person_log import PersonLog
from infrastructure.subscriptions.poller import MIN_POLL_INTERVAL_SECONDS, Poller
from infrastructure.subscriptions.wake_ups import MIN_SEND_INTERVAL_SECONDS
from interfaces.consistency_token import MAX_WAIT_SECONDS
from interfaces.live.messages import RUN_START_TOPIC, MessageBuilder
from interfaces.live.publish_limit import PublishLimit
from interfaces.live.replay import Replays
from interfaces.live.stream import Message
from interfaces.live.subscriber_queue import SubscriberQueue
from interfaces.live.subscription import ReplayedSubscription

LIVE_BUSY_POLL_SECONDS = 0.01
"""Poll interval after an event, for a busy period."""
LIVE_IDLE_POLL_SECONDS = 0.05
"""Poll interval if appends of other processes do not wake this one, or a message waits longer."""
LIVE_BUSY_PERIOD_SECONDS = 1.0
WOKEN_BUSY_PERIOD_SECONDS = 2 * MIN_SEND_INTERVAL_SECONDS
"""The busy period if appends wake this process: the next notification arrives in it."""
FOLLOW_SECONDS = VALID_SECONDS / 2
"""Poll interval if every append wakes this process: kept documents stay current, and a wake-up that
was lost delays a message by no more."""
ALONE_INTERVAL_SECONDS = 0.05
"""Minimum time between two polls that neither a subscriber nor another process waits for."""
MAX_CONCURRENT_SNAPSHOTS = 4
"""How many clients of this process may load their snapshot from the database at a time."""

KNOWN_RETRY_SECONDS = 0.01
"""Seconds between two looks at what all processes know."""

Delivery = tuple[SubscriberQueue, Message]
"""A message for one subscriber."""


class Broadcast:
    """Reads the event log in one thread for all subscribers of this process.

    The thread follows the log also without subscribers, for the documents that are kept. Only the
    thread uses `_subscribers`; the event loop passes it new and ended subscriptions in two deques.
    The thread never changes a queue: it lets the event loop do so.

    `open_log` opens the log of the events that clients can receive. A message waits for the read
    models, and until no process has a kept document from before it, but at most `max_wait_seconds`.
    `is_woken` returns whether every append in any process calls `wake`.
    """

    def __init__(
        self,
        open_log: Callable[[], AbstractContextManager[PersonLog]],
        *,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        is_woken: Callable[[], bool] = lambda: False,
    ) -> None:
        self.snapshot_slots = asyncio.Semaphore(MAX_CONCURRENT_SNAPSHOTS)
        self._open_log = open_log
        self._is_woken = is_woken
        self._max_wait_seconds = max_wait_seconds
        self._limit = PublishLimit(max_wait_seconds)
        self._pending_joins: deque[SubscriberQueue] = deque()
        self._pending_leaves: deque[SubscriberQueue] = deque()
        self._subscribers: dict[UUID, set[SubscriberQueue]] = {}
        self._mark = START
        self._known: int | None = 0
        self._position = 0
        self._busy_until = 0.0
        self._poller = Poller("live", self._poll)
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._log = self._resources.enter_context(self._open_log())
        self._message_builder = self._new_message_builder()
        self._replays = Replays(self._log.missed_events, self._new_message_builder)
        self._resources.push_async_callback(asyncio.to_thread, self._replays.close)
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

    async def find_place(self, position: int, timeline_digits: int) -> LogPosition | None:
        """Return the place in the log that an event id names; None if the log has none.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        return await self._replays.find_place(position, timeline_digits)

    async def has_place(self, place: LogPosition) -> bool:
        """Return whether the log has a place; raises DatabaseBusy or DatabaseUnavailable."""
        mark = self._mark
        if place.timeline == mark.timeline and place.position <= mark.position:
            return True
        return await self._replays.has_place(place)

    async def wait_until_known(self, place: LogPosition) -> None:
        """Wait until no process has a kept document from before a place, or `max_wait_seconds`.

        A process that has ended delays this for FORGET_SECONDS.
        """
        deadline = self._loop.time() + self._max_wait_seconds
        while not self._is_known(place) and self._loop.time() < deadline:
            self._poller.wake()
            await asyncio.sleep(KNOWN_RETRY_SECONDS)

    def _is_known(self, place: LogPosition) -> bool:
        known = self._known
        return place.timeline != self._mark.timeline or known is None or known >= place.position

    def wake(self) -> None:
        """Read the log at once, because an event was appended or a read model has advanced.

        Does not block; any thread may call it.
        """
        self._poller.wake()

    @asynccontextmanager
    async def subscribe(self, person_id: UUID) -> AsyncIterator[ReplayedSubscription]:
        """Open the messages about a person, while the block runs."""
        queue = SubscriberQueue(person_id)
        self._pending_joins.append(queue)
        self._poller.wake()
        try:
            yield ReplayedSubscription(queue, self._replays)
        finally:
            queue.closed = True
            self._pending_leaves.append(queue)

    # The following methods run in the thread.

    def _poll(self) -> float | None:
        """Publish new events; return the seconds until the next poll."""
        try:
            self._move_mark(self._log.safe_place())
            self._known = self._log.known_position()
            self._admit_subscribers()
            self._remove_subscribers()
            return self._publish()
        except Exception:
            # The builder may have applied events that were not sent and are read again.
            self._message_builder.evict_all_runs()
            raise

    def _move_mark(self, mark: LogPosition) -> None:
        if mark.timeline != self._mark.timeline:
            self._end_subscriptions()
        if mark != self._mark:
            is_woken = self._is_woken()
            seconds = WOKEN_BUSY_PERIOD_SECONDS if is_woken else LIVE_BUSY_PERIOD_SECONDS
            self._busy_until = time.monotonic() + seconds
        self._mark = mark

    def _end_subscriptions(self) -> None:
        """Let every client join again: the log may have lost what they were told last."""
        queues = [queue for queues in self._subscribers.values() for queue in queues]
        self._subscribers.clear()
        self._loop.call_soon_threadsafe(_end, queues)

    def _admit_subscribers(self) -> None:
        new_subscribers = list(self._pending_joins)
        if not new_subscribers:
            return
        if not self._subscribers:
            self._position = self._start_position()
            self._limit.forget()
            self._message_builder.evict_all_runs()
        for subscriber in new_subscribers:
            if not subscriber.closed:
                self._subscribers.setdefault(subscriber.person_id, set()).add(subscriber)
            self._pending_joins.popleft()
        start = LogPosition(self._mark.timeline, self._position)
        self._loop.call_soon_threadsafe(_start_after, new_subscribers, start)

    def _start_position(self) -> int:
        """Return the position up to which clients may be told all, before there were any.

        The read models may have passed the high-water mark of a reader that has just begun.
        """
        mark, readable = self._mark.position, self._log.readable_position()
        if readable is None:
            return mark
        if readable >= mark:
            return readable
        return max(readable, self._log.aged_position(mark, self._max_wait_seconds))

    def _remove_subscribers(self) -> None:
        while self._pending_leaves:
            subscriber = self._pending_leaves.popleft()
            others = self._subscribers.get(subscriber.person_id, set())
            others.discard(subscriber)
            if not others:
                self._subscribers.pop(subscriber.person_id, None)

    def _publish(self) -> float:
        """Publish the next page of what can be read; return the seconds until the next poll."""
        mark = self._mark.position
        is_waited_for = bool(self._subscribers) and mark > self._position
        if is_waited_for:
            readable = self._log.readable_position()
            up_to = self._limit.position(mark, readable, time.monotonic())
            if up_to > self._position and self._publish_up_to(up_to) < up_to:
                return 0.0
            is_waited_for = mark > self._position
        return self._pause(is_waited_for=is_waited_for)

    def _pause(self, *, is_waited_for: bool) -> float:
        """Return the seconds until the next poll."""
        is_alone = not self._subscribers and not self._log.has_other_followers
        self._poller.min_interval_seconds = (
            ALONE_INTERVAL_SECONDS if is_alone else MIN_POLL_INTERVAL_SECONDS
        )
        if not is_alone and time.monotonic() < self._busy_until:
            return LIVE_BUSY_POLL_SECONDS
        is_settled = self._log.is_settled and not is_waited_for
        return FOLLOW_SECONDS if is_settled and self._is_woken() else LIVE_IDLE_POLL_SECONDS

    def _publish_up_to(self, position: int) -> int:
        """Publish the next page of events; returns the position of its end."""
        self._message_builder.evict_runs_except(self._subscribers)
        page = self._log.read(self._position, position, self._subscribers)
        self._deliver(page.events)
        self._position = page.up_to
        return page.up_to

    def _deliver(self, events: Iterable[RecordedEvent]) -> None:
        """Build the messages and pass them to the event loop; end those of erased people.

        Wait until they are in the queues, so that the thread is never more than a page ahead.
        """
        events = list(events)
        deliveries = [
            (subscriber, message)
            for recorded in events
            if (message := self._message_builder.build(recorded, self._mark.timeline))
            for subscriber in self._subscribers[recorded.person_id]
        ]
        erased = [
            subscriber
            for recorded in events
            if isinstance(recorded.event, PersonErased)
            for subscriber in self._subscribers[recorded.person_id]
        ]
        if deliveries or erased:
            enqueued = threading.Event()
            self._loop.call_soon_threadsafe(_enqueue, deliveries, erased, enqueued)
            enqueued.wait()

    def _new_message_builder(self) -> MessageBuilder:
        return MessageBuilder(partial(self._log.read_since, RUN_START_TOPIC))


def _enqueue(
    deliveries: Iterable[Delivery], erased: Iterable[SubscriberQueue], enqueued: threading.Event
) -> None:
    for subscriber, message in deliveries:
        subscriber.put(message)
    for subscriber in erased:
        subscriber.erase()
    enqueued.set()


def _start_after(subscribers: Sequence[SubscriberQueue], place: LogPosition) -> None:
    for subscriber in subscribers:
        subscriber.start_after(place)


def _end(subscribers: Sequence[SubscriberQueue]) -> None:
    for subscriber in subscribers:
        subscriber.end()
