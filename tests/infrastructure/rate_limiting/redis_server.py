"""Debian's redis-server on a socket in a folder of its own."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

REDIS_BINARY = shutil.which("redis-server")


class RedisServer:
    """Keeps nothing on disk; always reached at the same address."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._binary = binary
        self._directory = directory
        self._socket = directory / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process = subprocess.Popen(  # noqa: S603  # Debian's own program
            [self._binary, *settings], cwd=self._directory, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, "redis-server does not answer"
                    time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, as it may be, and wait until it is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def _signal(self, signal_number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(signal_number)
