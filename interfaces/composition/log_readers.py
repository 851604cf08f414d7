"""The readers of the log in one process, what wakes them, and what they let it keep."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

from infrastructure.crypto.master_key import KeyRing
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.subscriptions.followed_log import FollowedLog
from infrastructure.subscriptions.person_log import open_person_log
from infrastructure.subscriptions.wake_ups import ADVANCED, APPENDED, WakeUps
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import SUBSCRIBED_TOPICS
from interfaces.queries.kept_documents import KeptDocuments
from projections.registry import READ_MODELS, READ_TOGETHER


class LogReaders:
    """The projection daemon and the live updates, which run if the process has their role.

    Appends of this process wake both directly, and those of other processes by a notification.
    """

    def __init__(self, url: str, ring: KeyRing, log_reader: LogReader, process_name: str) -> None:
        self._url = url
        self._followed = followed = FollowedLog()
        self.kept_documents = KeptDocuments(followed)
        self.live_updates = Broadcast(
            partial(
                open_person_log,
                url,
                ring,
                SUBSCRIBED_TOPICS,
                followed,
                subscribed_topics(READ_MODELS),
            ),
            is_woken=self._is_woken,
        )
        self.projection_daemon = ProjectionDaemon(
            url,
            log_reader,
            READ_MODELS,
            on_advanced=self._on_advanced,
            process_name=process_name,
            read_together=READ_TOGETHER,
            is_woken=self._is_woken,
        )

    @contextmanager
    def woken(self, roles: Collection[str]) -> Iterator[None]:
        """Wake the readers that these roles run during the block, and those of other processes."""
        wake_ups = WakeUps(self._url, self._wakers(roles), on_broken=self._followed.doubt)
        with closing(wake_ups) as self._wake_ups:
            if roles:
                self._wake_ups.start()
            yield

    def wake_all(self) -> None:
        """Wake all readers of all processes, because an event was appended. Does not block."""
        self.projection_daemon.wake()
        self.live_updates.wake()
        self._wake_ups.send(APPENDED)

    def _on_advanced(self) -> None:
        self.live_updates.wake()
        self._wake_ups.send(ADVANCED)

    def _is_woken(self) -> bool:
        return self._wake_ups.is_working()

    def _wakers(self, roles: Collection[str]) -> Mapping[str, Callable[[], None]]:
        if "api" in roles and "projector" in roles:
            return {APPENDED: self._wake_both, ADVANCED: self.live_updates.wake}
        if "api" in roles:
            return dict.fromkeys((APPENDED, ADVANCED), self.live_updates.wake)
        return {APPENDED: self.projection_daemon.wake} if "projector" in roles else {}

    def _wake_both(self) -> None:
        self.projection_daemon.wake()
        self.live_updates.wake()
