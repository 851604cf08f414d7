"""Appends wake readers in other processes; without notifications, readers poll."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from infrastructure.subscriptions.wake_ups import (
    ADVANCED,
    APPENDED,
    MIN_SEND_INTERVAL_SECONDS,
    WakeUps,
)
from tests.deadlines import scaled

CLOSE_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'easeboard wake-ups' AND datname = current_database()"
)


class Listener:
    """A reader of another process: counts its wake-ups by channel."""

    def __init__(self, url: str, *channels: str) -> None:
        self.counts = dict.fromkeys(channels, 0)
        self._woken = threading.Condition()
        self.wake_ups = WakeUps(url, {channel: self._wake(channel) for channel in channels})

    def _wake(self, channel: str) -> Callable[[], None]:
        def wake() -> None:
            with self._woken:
                self.counts[channel] += 1
                self._woken.notify_all()

        return wake

    def wait_for(self, channel: str, count: int) -> None:
        with self._woken:
            assert self._woken.wait_for(lambda: self.counts[channel] >= count, scaled(5))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(10)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def listening(url: str, *channels: str) -> Iterator[Listener]:
    listener = Listener(url, *channels)
    with closing(listener.wake_ups):
        listener.wake_ups.start()
        wait_until(listener.wake_ups.is_working)
        for channel in channels:
            listener.wait_for(channel, 1)
        yield listener


@pytest.fixture
def sender(database_url: str) -> Iterator[WakeUps]:
    with closing(WakeUps(database_url, {})) as sender:
        yield sender


def test_a_process_wakes_those_that_listen_to_the_channel(
    database_url: str, sender: WakeUps
) -> None:
    with (
        listening(database_url, APPENDED, ADVANCED) as both,
        listening(database_url, APPENDED) as one,
    ):
        sender.send(APPENDED)
        both.wait_for(APPENDED, 2)
        one.wait_for(APPENDED, 2)
        sender.send(ADVANCED)
        both.wait_for(ADVANCED, 2)
        assert one.counts == {APPENDED: 2}


def test_a_process_is_not_woken_by_itself(database_url: str, sender: WakeUps) -> None:
    with listening(database_url, APPENDED) as listener:
        listener.wake_ups.send(APPENDED)
        sender.send(APPENDED)
        listener.wait_for(APPENDED, 2)
        time.sleep(0.1)
        assert listener.counts == {APPENDED: 2}


def test_many_appends_cause_few_notifications(database_url: str, sender: WakeUps) -> None:
    with listening(database_url, APPENDED) as listener:
        sender.send(APPENDED)
        listener.wait_for(APPENDED, 2)
        began = time.monotonic()
        for _ in range(2_000):
            sender.send(APPENDED)
        most = (time.monotonic() - began) / MIN_SEND_INTERVAL_SECONDS + 2
        listener.wait_for(APPENDED, 3)
        time.sleep(0.1)
        assert 1 <= listener.counts[APPENDED] - 2 <= most


def test_what_is_pending_is_sent_before_the_end(database_url: str) -> None:
    with listening(database_url, APPENDED) as listener:
        with closing(WakeUps(database_url, {})) as short:
            short.send(APPENDED)
        listener.wait_for(APPENDED, 2)
        short.send(APPENDED)


def test_a_broken_connection_is_reported_before_the_readers_are_woken(
    database_url: str, admin: psycopg.Connection[Any]
) -> None:
    calls: list[str] = []
    wakers = {APPENDED: lambda: calls.append("woken")}
    wake_ups = WakeUps(database_url, wakers, on_broken=lambda: calls.append("broken"))
    with closing(wake_ups):
        wake_ups.start()
        wait_until(lambda: calls == ["woken"])
        admin.execute(CLOSE_SESSIONS)
        wait_until(lambda: len(calls) >= 3)
    assert calls[:3] == ["woken", "broken", "woken"]


def test_readers_poll_until_a_lost_connection_is_back(
    database_url: str, admin: psycopg.Connection[Any], sender: WakeUps
) -> None:
    with listening(database_url, APPENDED) as listener:
        admin.execute(CLOSE_SESSIONS)
        listener.wait_for(APPENDED, 2)
        # Woken twice: at the end, to poll more often, and when it is connected again.
        listener.wait_for(APPENDED, 3)
        wait_until(listener.wake_ups.is_working)
        sender.send(APPENDED)
        listener.wait_for(APPENDED, 4)


def test_without_a_database_nothing_is_woken_and_nothing_fails(database_url: str) -> None:
    url = database_url.replace("port=5432", "port=1")
    with closing(WakeUps(url, {APPENDED: lambda: None})) as wake_ups:
        wake_ups.send(APPENDED)
        time.sleep(0.1)
        assert not wake_ups.is_working()
