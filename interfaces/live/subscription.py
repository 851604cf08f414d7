"""One subscription: what the client missed, from the log, then new messages, from the queue."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from domain.errors import PersonIsErased
from domain.log_position import LogPosition
from interfaces.live.replay import Replays
from interfaces.live.stream import Message
from interfaces.live.subscriber_queue import SubscriberQueue


class ReplayedSubscription:
    """Joins the replay for one client and its queue without a gap."""

    def __init__(self, queue: SubscriberQueue, replays: Replays) -> None:
        self._queue = queue
        self._replays = replays

    async def messages_after(
        self, place: LogPosition, *, is_resumed: bool = False
    ) -> AsyncGenerator[Message, None]:
        """Yield every message after a place once, in order of positions.

        They end if the client falls behind, or if the log is on another timeline than before.
        With `is_resumed` there are none about connections that are closed already.

        Raises: TooFarBehind if the client has missed too much; PersonIsErased when the person was
        erased; DatabaseBusy or DatabaseUnavailable.
        """
        start, person_id = await self._queue.start(), self._queue.person_id
        # Asked after the start: of a later erasure the queue is told.
        if await self._replays.is_erased(person_id):
            raise PersonIsErased(person_id)
        if place.timeline != start.timeline and not await self._replays.has_place(place):
            return
        closed = await self._replays.closed_streams(person_id) if is_resumed else set()
        if place.position < start.position:
            missed = self._replays.messages(person_id, place.position, start)
            async with aclosing(missed):
                async for message in missed:
                    yield message
        async for message in self._queue:
            if message.place.position > place.position and message.stream not in closed:
                yield message
