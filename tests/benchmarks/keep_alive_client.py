"""A kept-alive HTTP connection that measures the CPU time of the server."""

import http.client
import time
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.benchmarks.cpu_clocks import process_cpu_seconds
from tests.benchmarks.served_database import ServedProcess


class Response(NamedTuple):
    """What a request took, in seconds, and its ETag."""

    wall: float
    cpu: float
    etag: str


class KeepAliveClient:
    """Sends one request after another to a served process."""

    def __init__(self, served: ServedProcess) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
        self._process_id = served.process_id

    def get(
        self, path: str, token: str, etag: str = "", *, expected: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        """Send a GET request, as a browser would: with compression, over the same connection.

        Raises: AssertionError if the status is another than expected.
        """
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        headers |= {"If-None-Match": etag} if etag else {}
        cpu, wall = process_cpu_seconds(self._process_id), time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        wall = time.perf_counter() - wall
        if response.status != expected:
            raise AssertionError(f"GET {path} returned {response.status}: {body[:200]!r}")
        used = process_cpu_seconds(self._process_id) - cpu
        return Response(wall, used, response.headers.get("ETag", ""))
