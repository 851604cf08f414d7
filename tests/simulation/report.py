"""What a simulated day showed, as a table."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.results import Distribution, Results

HOUR_SECONDS = 3600.0
GIB_IN_KIB = 1024 * 1024


def format_table(results: Results) -> Iterator[str]:
    """Line after line."""
    assumptions, seconds = results.assumptions, results.assumptions.hours * HOUR_SECONDS
    yield (
        f"{assumptions.connections:,} connections at {len(results.host_sizes):,} hosts,"
        f" {assumptions.hours:g} h from {assumptions.begins:g} h,"
        f" {assumptions.workers} workers of {assumptions.concurrency},"
        f" {assumptions.lanes} lanes a host, seed {assumptions.seed}"
    )
    yield from _run_rows(results, seconds)
    yield from _waiting_rows(results)
    yield from _resource_rows(results, seconds)
    yield from _write_rows(results, seconds)
    yield from _host_rows(results, seconds)


def _run_rows(results: Results, seconds: float) -> Iterator[str]:
    busiest_rate = max(results.runs_by_minute.values(), default=0) / 60
    yield _row("runs", f"{results.runs:,}", f"{results.runs / seconds:.1f}/s")
    yield _row("  asked for in the busiest minute", f"{busiest_rate:.1f}/s")
    yield _row(
        "  that read everything",
        f"{results.full_runs:,}",
        f"{_percentage(results.full_runs, results.runs)}",
    )
    yield _row(
        "  that found a change",
        f"{results.changed_runs:,}",
        _percentage(results.changed_runs, results.runs),
    )
    yield _row(
        "  by hand, and refused", f"{results.manual_runs:,}", f"{results.refused_requests:,}"
    )
    yield _row("  failed, and given back", f"{results.failed_runs:,}", f"{results.requeued_runs:,}")
    yield _row("seconds of a run", *_percentiles(results.duration))


def _waiting_rows(results: Results) -> Iterator[str]:
    ages, healthy_ages = results.age, results.age_at_healthy_hosts
    yield _row("", "p50", "p99", "most")
    yield _row("minutes, age of what is shown", *_age_percentiles(ages))
    yield _row("  where the host answered", *_age_percentiles(healthy_ages))
    yield _row(
        "seconds asked for after next_sync_at", *_percentiles(results.delay_at_healthy_hosts)
    )
    yield _row("seconds queued", *_percentiles(results.queue_time))
    yield _row("seconds to the end, by hand", *_percentiles(results.manual_duration))
    full = [
        seconds / HOUR_SECONDS
        for seconds in (results.full_age.quantile(0.5), results.full_age.quantile(0.99))
    ]
    yield _row(
        "hours between two full passes",
        *[f"{h:.2f}" for h in [*full, results.full_age.maximum / HOUR_SECONDS]],
    )


def _resource_rows(results: Results, seconds: float) -> Iterator[str]:
    assumptions = results.assumptions
    slots = assumptions.workers * assumptions.concurrency
    yield _row(
        "places taken",
        f"{results.slot_seconds / seconds:.1f}",
        _percentage(results.slot_seconds, slots * seconds),
    )
    yield _row("workers' cores busy", f"{results.cpu_seconds / seconds:.2f}")
    yield _row(
        "PostgreSQL's cores busy", f"{results.database_seconds / seconds:.2f}", "but the scan"
    )
    yield _row("time the scanner works", _percentage(results.scan_seconds, seconds))
    yield _row("most runs waiting", f"{results.max_waiting:,}", f"room {assumptions.max_waiting:,}")


def _write_rows(results: Results, seconds: float) -> Iterator[str]:
    def total(per_run: float, per_changed_course: float) -> float:
        return results.runs * per_run + results.changed_courses * per_changed_course

    assumptions, days_factor = results.assumptions, 24 * HOUR_SECONDS / seconds
    events = total(assumptions.events, assumptions.events_changed)
    commits = total(assumptions.transactions, assumptions.transactions_changed)
    rows = total(assumptions.rows, assumptions.rows_changed)
    log = total(assumptions.log_kib, assumptions.log_kib_changed) * days_factor / GIB_IN_KIB
    wal = total(assumptions.wal_kib, assumptions.wal_kib_changed) * days_factor / GIB_IN_KIB
    yield _row("events", f"{events / seconds:,.0f}/s", f"{events * days_factor / 1e6:.1f} M/day")
    yield _row("transactions that write", f"{commits / seconds:,.0f}/s")
    yield _row("rows written", f"{rows / seconds:,.0f}/s")
    yield _row("log grows, and WAL", f"{log:.1f} GiB/day", f"{wal:.0f} GiB/day")


def _host_rows(results: Results, seconds: float) -> Iterator[str]:
    yield _row(
        "Canvas requests", f"{results.requests / seconds:,.0f}/s", _peak(results.requests_by_minute)
    )
    yield "  host    students   requests/s   busiest minute   lanes busy   age p50   p99 (min)"
    for host, minutes in enumerate(results.host_requests_by_minute):
        age, lanes = results.host_age[host], results.assumptions.lanes
        yield (
            f"  {host + 1:4}  {results.host_sizes[host]:10,}"
            f"   {results.requests_per_host[host] / seconds:10.2f}   {_peak(minutes):>14}"
            f"   {_percentage(results.host_lane_seconds[host], seconds * lanes):>10}"
            f"   {age.age_quantile(0.5) / 60:7.1f}   {age.age_quantile(0.99) / 60:6.1f}"
        )


def _row(name: str, *values: str) -> str:
    return f"{name:38}" + "".join(f"{value:>16}" for value in values)


def _percentage(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _peak(minutes: Counter[int]) -> str:
    return f"{max(minutes.values(), default=0) / 60:.1f}/s"


def _percentiles(distribution: Distribution) -> list[str]:
    return [
        f"{value:.1f}"
        for value in (distribution.quantile(0.5), distribution.quantile(0.99), distribution.maximum)
    ]


def _age_percentiles(distribution: Distribution) -> list[str]:
    return [
        f"{value / 60:.1f}"
        for value in (
            distribution.age_quantile(0.5),
            distribution.age_quantile(0.99),
            distribution.maximum,
        )
    ]


SWEEP_HEADER = (
    f"{'':>10}{'places taken':>14}{'queued p99 s':>14}{'late p99 s':>12}"
    f"{'age p50 min':>13}{'age p99 min':>13}{'by hand p99 s':>15}{'scanner':>9}"
)
"""Above the lines of a sweep; the ages and lateness are those at hosts that answered all along."""


def format_sweep_line(name: str, results: Results) -> str:
    """One line of a sweep."""
    assumptions, seconds = results.assumptions, results.assumptions.hours * HOUR_SECONDS
    age, slots = results.age_at_healthy_hosts, assumptions.workers * assumptions.concurrency
    return (
        f"{name:>10}{_percentage(results.slot_seconds, slots * seconds):>14}"
        f"{results.queue_time.quantile(0.99):14.1f}"
        f"{results.delay_at_healthy_hosts.quantile(0.99):12.1f}"
        f"{age.age_quantile(0.5) / 60:13.1f}{age.age_quantile(0.99) / 60:13.1f}"
        f"{results.manual_duration.quantile(0.99):15.1f}"
        f"{_percentage(results.scan_seconds, seconds):>9}"
    )
