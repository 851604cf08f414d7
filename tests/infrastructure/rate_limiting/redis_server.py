"""Runs the program redis-server on a socket in a temporary folder."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from tests.deadlines import scaled

REDIS_BINARY = shutil.which("redis-server")


class RedisServer:
    """A Redis server without persistence; its URL stays the same when it is started again."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._binary = binary
        self._directory = directory
        self._socket = directory / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Start the server, and wait until it responds."""
        settings = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process = subprocess.Popen(  # noqa: S603  # the path that shutil.which found
            [self._binary, *settings], cwd=self._directory, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + scaled(10)
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, "redis-server does not respond"
                    time.sleep(0.01)

    def kill(self) -> None:
        """Kill the server, if it runs, and wait until it has ended."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Suspend the server: it accepts connections and does not respond."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a server that was paused."""
        self._signal(signal.SIGCONT)

    def _signal(self, signal_number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(signal_number)
