"""Catching up: each read model over a long sealed log, beside stock eventsourcing's runner.

`python -m tests.benchmarks.catch_up`: both on one server, in one run.
"""

from contextlib import ExitStack, closing
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.projection_engine.apply_batch import advance
from infrastructure.projection_engine.batch_size import Pace
from infrastructure.projection_engine.ensure_versions import ensure
from infrastructure.projection_engine.prefetch import ReadAhead
from infrastructure.projection_engine.read_model import topics
from infrastructure.projection_engine.versions import Standing, connect, live
from projections.registry import READ_MODELS, ReadModel
from tests.benchmarks.logs import logs
from tests.benchmarks.stock_projection import stock
from tests.projections.semesters import semesters

EVENTS = 200_000
STOCK_EVENTS = 6_000
HEARD = """
SELECT count(*)
  FROM easeboard.events
 WHERE topic = ANY(%s)
"""


class CaughtUp(NamedTuple):
    """How many events were heard, and how long the whole log took."""

    heard: int
    seconds: float


def write(url: str, mapper: Mapper, total: int) -> None:
    """Fill the log by COPY, each person's events sealed with their key."""
    columns = "stream, version, topic, recorded_at, actor, command_id, person_id, state"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY easeboard.events ({columns}) FROM STDIN") as copy:
            for recorded in semesters(total):
                (row,) = mapper.store([recorded.event], recorded.person_id)
                whose = ("benchmark", uuid4(), recorded.person_id)
                copy.write_row((*row[:3], recorded.recorded_at, *whose, row.state))
        cursor.execute("ANALYZE easeboard.events")


def catch_up(connection: psycopg.Connection[Any], reader: LogReader, model: ReadModel) -> CaughtUp:
    """Let one read model follow the log from its beginning, as the follower would."""
    ensure(connection, [model])
    (standing,), pace, safe = live(connection, [model]), Pace(), reader.safe()
    began = perf_counter()
    with closing(ReadAhead(reader)) as log:
        while standing.position < safe:
            with pace as limit:
                fed = advance(connection, [standing], log, safe, limit)
            standing = Standing(model, standing.version, fed.upto)
    seconds = perf_counter() - began
    heard = connection.execute(HEARD, [topics([model])]).fetchall()[0][0]
    return CaughtUp(heard, seconds)


def main(*, quick: bool = False) -> None:
    """Print rates and ratios of one run."""
    events, of_stock = (20_000, 2_000) if quick else (EVENTS, STOCK_EVENTS)
    with ExitStack() as stack:
        log = stack.enter_context(logs())
        connection = stack.enter_context(connect(log.url))
        peer = stack.enter_context(stock(log.url, list(semesters(of_stock))))
        write(log.url, log.mapper, events)
        reader = LogReader(log.pool, log.mapper)
        print(f"{events:,} events{'heard':>14}{'heard/s':>10}{'log/s':>10}{'stock/s':>9}  ours is")
        for model in READ_MODELS:
            stock_rate = peer.rate(model)
            heard, seconds = catch_up(connection, reader, model)
            rate = heard / seconds
            print(
                f"{model.name:>18}{heard:>10,}{rate:>10,.0f}{events / seconds:>10,.0f}"
                f"{stock_rate:>9,.0f}  {rate / stock_rate:.1f} x stock",
                flush=True,
            )


if __name__ == "__main__":
    main()
