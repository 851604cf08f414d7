"""What a simulated day showed, as a table."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.results import Found, Spread

HOUR = 3600.0
GIB_IN_KIB = 1024 * 1024


def table(found: Found) -> Iterator[str]:
    """Line after line."""
    world, seconds = found.world, found.world.hours * HOUR
    yield (
        f"{world.connections:,} connections at {len(found.sizes):,} hosts, {world.hours:g} h"
        f" from {world.begins:g} h, {world.workers} workers of {world.concurrency},"
        f" {world.lanes} lanes a host, seed {world.seed}"
    )
    yield from _runs(found, seconds)
    yield from _waiting(found)
    yield from _means(found, seconds)
    yield from _written(found, seconds)
    yield from _hosts(found, seconds)


def _runs(found: Found, seconds: float) -> Iterator[str]:
    busiest = max(found.asked_in.values(), default=0) / 60
    yield _row("runs", f"{found.runs:,}", f"{found.runs / seconds:.1f}/s")
    yield _row("  asked for in the busiest minute", f"{busiest:.1f}/s")
    yield _row("  that read everything", f"{found.full:,}", f"{_part(found.full, found.runs)}")
    yield _row("  that found a change", f"{found.changed:,}", _part(found.changed, found.runs))
    yield _row("  by hand, and refused", f"{found.by_hand:,}", f"{found.refused:,}")
    yield _row("  failed, and given back", f"{found.failed:,}", f"{found.given_back:,}")
    yield _row("seconds of a run", *_spread(found.took))


def _waiting(found: Found) -> Iterator[str]:
    ages, answering = found.age, found.age_where_answered
    yield _row("", "p50", "p99", "most")
    yield _row("minutes, age of what is shown", *_age(ages))
    yield _row("  where the host answered", *_age(answering))
    yield _row("seconds asked for after next_sync_at", *_spread(found.late_where_answered))
    yield _row("seconds queued", *_spread(found.queued))
    yield _row("seconds to the end, by hand", *_spread(found.wished))
    full = [part / HOUR for part in (found.full_age.at(0.5), found.full_age.at(0.99))]
    yield _row(
        "hours between two full passes", *[f"{h:.2f}" for h in [*full, found.full_age.most / HOUR]]
    )


def _means(found: Found, seconds: float) -> Iterator[str]:
    world = found.world
    places = world.workers * world.concurrency
    yield _row("places taken", f"{found.held / seconds:.1f}", _part(found.held, places * seconds))
    yield _row("workers' cores busy", f"{found.cpu / seconds:.2f}")
    yield _row("PostgreSQL's cores busy", f"{found.database / seconds:.2f}", "but the scan")
    yield _row("time the scanner works", _part(found.scanning, seconds))
    yield _row("most runs waiting", f"{found.most_waiting:,}", f"room {world.room:,}")


def _written(found: Found, seconds: float) -> Iterator[str]:
    def much(usual: float, changed: float) -> float:
        return found.runs * usual + found.courses_changed * changed

    world, day = found.world, 24 * HOUR / seconds
    events = much(world.events, world.events_changed)
    commits = much(world.transactions, world.transactions_changed)
    rows = much(world.rows, world.rows_changed)
    log = much(world.log_kib, world.log_kib_changed) * day / GIB_IN_KIB
    wal = much(world.wal_kib, world.wal_kib_changed) * day / GIB_IN_KIB
    yield _row("events", f"{events / seconds:,.0f}/s", f"{events * day / 1e6:.1f} M/day")
    yield _row("transactions that write", f"{commits / seconds:,.0f}/s")
    yield _row("rows written", f"{rows / seconds:,.0f}/s")
    yield _row("log grows, and WAL", f"{log:.1f} GiB/day", f"{wal:.0f} GiB/day")


def _hosts(found: Found, seconds: float) -> Iterator[str]:
    yield _row("Canvas requests", f"{found.requests / seconds:,.0f}/s", _peak(found.requests_in))
    yield "  host    students   requests/s   busiest minute   lanes busy   age p50   p99 (min)"
    for host, minutes in enumerate(found.host_requests_in):
        age, lanes = found.host_age[host], found.world.lanes
        yield (
            f"  {host + 1:4}  {found.sizes[host]:10,}"
            f"   {found.per_host[host] / seconds:10.2f}   {_peak(minutes):>14}"
            f"   {_part(found.host_held[host], seconds * lanes):>10}"
            f"   {age.age_at(0.5) / 60:7.1f}   {age.age_at(0.99) / 60:6.1f}"
        )


def _row(name: str, *values: str) -> str:
    return f"{name:38}" + "".join(f"{value:>16}" for value in values)


def _part(one: float, of: float) -> str:
    return f"{one / of:.1%}" if of else "-"


def _peak(minutes: Counter[int]) -> str:
    return f"{max(minutes.values(), default=0) / 60:.1f}/s"


def _spread(spread: Spread) -> list[str]:
    return [f"{value:.1f}" for value in (spread.at(0.5), spread.at(0.99), spread.most)]


def _age(spread: Spread) -> list[str]:
    return [f"{value / 60:.1f}" for value in (spread.age_at(0.5), spread.age_at(0.99), spread.most)]


HEADLINE = (
    f"{'':>10}{'places taken':>14}{'queued p99 s':>14}{'late p99 s':>12}"
    f"{'age p50 min':>13}{'age p99 min':>13}{'by hand p99 s':>15}{'scanner':>9}"
)
"""Above the lines of a sweep; the ages and lateness are those at hosts that answered all along."""


def line(name: str, found: Found) -> str:
    """One line of a sweep."""
    world, seconds = found.world, found.world.hours * HOUR
    age = found.age_where_answered
    return (
        f"{name:>10}{_part(found.held, world.workers * world.concurrency * seconds):>14}"
        f"{found.queued.at(0.99):14.1f}{found.late_where_answered.at(0.99):12.1f}"
        f"{age.age_at(0.5) / 60:13.1f}{age.age_at(0.99) / 60:13.1f}{found.wished.at(0.99):15.1f}"
        f"{_part(found.scanning, seconds):>9}"
    )
