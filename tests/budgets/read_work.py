"""Work of an API process: the documents of students over HTTP, and responses 304."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import cycle, islice

from tests.benchmarks.keep_alive_client import KeepAliveClient
from tests.benchmarks.reading_students import student_events, student_ids
from tests.benchmarks.served_database import new_database
from tests.budgets.budget import MeasureSlice, WorkSlice
from tests.dev_tokens import token_of

STUDENTS = 3
ROUNDS, REQUESTS_PER_ROUND = 8, 9
"""A slice is the cheapest of some rounds: a server that waits for each request runs on cold caches
when the machine is busy, so many short rounds are needed to find a calm moment."""
PATHS = {
    "200 assignments": "/api/v1/canvas/assignments?limit=200",
    "courses": "/api/v1/canvas/courses",
    "dashboard": "/api/v1/dashboard/stats",
}


@contextmanager
def open_read_work() -> Iterator[dict[str, MeasureSlice]]:
    """Serve the documents of some students; yield what is measured with them."""
    students = student_ids(STUDENTS)
    with new_database() as database:
        database.record(student_events(students))
        database.project()
        with database.serve("api") as served:
            client, tokens = KeepAliveClient(served), [token_of(student) for student in students]
            work: dict[str, MeasureSlice] = {}
            for name, path in PATHS.items():
                etags = {token: client.get(path, token).etag for token in tokens}
                work[f"GET {name}"] = _slice(client, path, dict.fromkeys(tokens, ""))
                work[f"GET {name}, 304"] = _slice(client, path, etags)
            yield work


def _slice(client: KeepAliveClient, path: str, etags: dict[str, str]) -> MeasureSlice:
    """Send requests with the token of each student in turn, with their ETag or without."""
    is_known = all(etags.values())
    expected = HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus.OK

    def measure() -> WorkSlice:
        rounds = []
        for _ in range(ROUNDS):
            rounds.append(0.0)
            for token, etag in islice(cycle(etags.items()), REQUESTS_PER_ROUND):
                rounds[-1] += client.get(path, token, etag, expected=expected).cpu
        return WorkSlice(REQUESTS_PER_ROUND, min(rounds))

    return measure
