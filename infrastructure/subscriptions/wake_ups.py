"""Wakes the readers of the log in all processes after an append, by NOTIFY on its own connection.

The notification is sent after the append, never in its transaction, and nothing depends on it:
readers poll as well, and more often while `is_working` is false. See decision 0033.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Mapping

import structlog
from psycopg import Notify, sql

from domain.backoff import Backoff
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.retry import RetryDelays
from infrastructure.postgres.session_settings import SessionSettings
from infrastructure.postgres.timeouts import TimedConnection

APPENDED = "easeboard_appended"
"""The channel that says: an event was appended."""
ADVANCED = "easeboard_advanced"
"""The channel that says: a read model has applied events."""

MIN_SEND_INTERVAL_SECONDS = 0.05
"""Minimum time between two notifications of a process, so that they cost appends next to nothing.

A reader that was woken polls by itself for twice as long.
"""
RESPONSE_SECONDS = 5.0
"""Seconds without a response of the server after which the connection counts as lost."""
SEND = "SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel"
RECONNECT_BACKOFF = Backoff(first_seconds=0.25, max_seconds=4, min_jitter=0.5)

logger = structlog.get_logger()


class WakeUps:
    """A thread that sends what `send` is given, and calls `on_wake` for what others send.

    `on_wake` has the channels that this process listens to; the functions are called in the thread,
    and neither block nor raise. They are also called when the connection begins or ends, after
    `on_broken` if it breaks. The thread starts with the first of `start` and `send`.
    """

    def __init__(
        self,
        url: str,
        on_wake: Mapping[str, Callable[[], None]],
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._on_wake = on_wake
        self._on_broken = on_broken
        self._pending: set[str] = set()
        self._next_send = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._signal_reader, self._signal_writer = os.pipe()
        self._thread: threading.Thread | None = None
        self._is_working = False

    def is_working(self) -> bool:
        """Return whether appends of other processes wake this one, as far as is known."""
        return self._is_working

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            self._start()

    def send(self, channel: str) -> None:
        """Wake those who listen to a channel in other processes. Any thread may call it."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._start()
            is_signalled = bool(self._pending)
            # The thread looks for it when it has read the signal.
            self._pending.add(channel)
            if not is_signalled:
                os.write(self._signal_writer, b"\0")

    def close(self) -> None:
        """Send what is pending, and end the thread; blocks until it has ended."""
        with self._lock:
            self._stopping.set()
            os.write(self._signal_writer, b"\0")
        if self._thread:
            self._thread.join()
        os.close(self._signal_reader)
        os.close(self._signal_writer)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        delays = RetryDelays(RECONNECT_BACKOFF)
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    delays.reset()
                    self._note(is_working=True)
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
                self._on_broken()
                self._note(is_working=False)
                seconds = delays.next_delay()
                logger.warning(
                    "wake_ups.interrupted", error=describe_error(error), retry_in=seconds
                )
                self._stopping.wait(seconds)

    def _connect(self) -> TimedConnection:
        settings = SessionSettings(self._url, synchronous_commit="off", statement_timeout="5s")
        conninfo = build_conninfo(self._url, name="wake-ups")
        connection = TimedConnection.connect(conninfo, autocommit=True)
        connection.response_timeout_seconds = RESPONSE_SECONDS
        settings.apply(connection)
        connection.add_notify_handler(lambda notify: self._wake(notify, connection))
        for channel in self._on_wake:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        return connection

    def _serve(self, connection: TimedConnection) -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        poll.register(self._signal_reader, select.POLLIN)
        while not self._stopping.is_set() or self._pending:
            ready = {number for number, _ in poll.poll(self._milliseconds_to_send())}
            if self._signal_reader in ready:
                os.read(self._signal_reader, 64)
            if self._milliseconds_to_send() == 0:
                self._send_pending(connection)
            if connection.fileno() in ready:
                self._receive(connection)

    def _milliseconds_to_send(self) -> float | None:
        """Return when to send what is pending; None if nothing is."""
        if not self._pending:
            return None
        seconds = 0.0 if self._stopping.is_set() else self._next_send - time.monotonic()
        return max(0.0, 1000 * seconds)

    def _send_pending(self, connection: TimedConnection) -> None:
        with self._lock:
            channels, self._pending = sorted(self._pending), set()
        self._next_send = time.monotonic() + MIN_SEND_INTERVAL_SECONDS
        connection.execute(SEND, [channels])

    def _receive(self, connection: TimedConnection) -> None:
        connection.pgconn.consume_input()
        while notify := connection.pgconn.notifies():
            if notify.be_pid != connection.pgconn.backend_pid:
                self._call(notify.relname.decode())

    def _wake(self, notify: Notify, connection: TimedConnection) -> None:
        """Wake for a notification that came with the response to a statement."""
        if notify.pid != connection.pgconn.backend_pid:
            self._call(notify.channel)

    def _call(self, channel: str) -> None:
        self._on_wake[channel]()

    def _note(self, *, is_working: bool) -> None:
        """Let the readers poll now, and at the interval that fits from now on."""
        self._is_working = is_working
        for wake in self._on_wake.values():
            wake()
