"""The results of a simulation as a table."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.results import Distribution, Results

HOUR_SECONDS = 3600.0
GIB_IN_KIB = 1024 * 1024


def format_table(results: Results) -> Iterator[str]:
    """Format all results, line by line.

    Where a row has p50, p99 and maximum, this is the order of its values.
    """
    assumptions, seconds = results.assumptions, results.assumptions.hours * HOUR_SECONDS
    yield (
        f"{assumptions.connections:,} connections at {len(results.host_sizes):,} hosts,"
        f" {assumptions.hours:g} h from {assumptions.start_hour:g} h,"
        f" {assumptions.workers} workers with {assumptions.concurrency} slots,"
        f" {assumptions.lanes} lanes for each host, seed {assumptions.seed}"
    )
    yield from _run_rows(results, seconds)
    yield from _waiting_rows(results)
    yield from _resource_rows(results, seconds)
    yield from _write_rows(results, seconds)
    yield from _host_rows(results, seconds)


def _run_rows(results: Results, seconds: float) -> Iterator[str]:
    busiest_rate = max(results.runs_by_minute.values(), default=0) / 60
    yield _row("runs", f"{results.runs:,}", f"{results.runs / seconds:.1f}/s")
    yield _row("  requested in the busiest minute", f"{busiest_rate:.1f}/s")
    yield _row(
        "  full",
        f"{results.full_runs:,}",
        f"{_percentage(results.full_runs, results.runs)}",
    )
    yield _row(
        "  with a change",
        f"{results.changed_runs:,}",
        _percentage(results.changed_runs, results.runs),
    )
    yield _row(
        "  manual; refused manual requests",
        f"{results.manual_runs:,}",
        f"{results.refused_requests:,}",
    )
    yield _row("  failed; requeued", f"{results.failed_runs:,}", f"{results.requeued_runs:,}")
    yield _row("", "p50", "p99", "maximum")
    yield _row("duration of a run, s", *_percentiles(results.duration))


def _waiting_rows(results: Results) -> Iterator[str]:
    ages, healthy_ages = results.age, results.age_at_healthy_hosts
    yield _row("age of the data, min", *_age_percentiles(ages))
    yield _row("  if the host always responds", *_age_percentiles(healthy_ages))
    yield _row("delay after next_sync_at, s", *_percentiles(results.delay_at_healthy_hosts))
    yield _row("time in the queue, s", *_percentiles(results.queue_time))
    yield _row("manual sync, request to end, s", *_percentiles(results.manual_duration))
    full = [
        seconds / HOUR_SECONDS
        for seconds in (results.full_age.quantile(0.5), results.full_age.quantile(0.99))
    ]
    yield _row(
        "time between two full runs, h",
        *[f"{hours:.2f}" for hours in [*full, results.full_age.maximum / HOUR_SECONDS]],
    )


def _resource_rows(results: Results, seconds: float) -> Iterator[str]:
    assumptions = results.assumptions
    slots = assumptions.workers * assumptions.concurrency
    yield _row(
        "worker slots in use",
        f"{results.slot_seconds / seconds:.1f}",
        _percentage(results.slot_seconds, slots * seconds),
    )
    yield _row("cores of workers", f"{results.cpu_seconds / seconds:.2f}")
    yield _row("cores of PostgreSQL", f"{results.database_seconds / seconds:.2f}", "without scans")
    yield _row("time the scanner is busy", _percentage(results.scan_seconds, seconds))
    yield _row(
        "maximum of queued runs", f"{results.max_waiting:,}", f"limit {assumptions.max_waiting:,}"
    )


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
    yield _row("write transactions", f"{commits / seconds:,.0f}/s")
    yield _row("rows written", f"{rows / seconds:,.0f}/s")
    yield _row("growth of the event log; WAL", f"{log:.1f} GiB/day", f"{wal:.0f} GiB/day")


def _host_rows(results: Results, seconds: float) -> Iterator[str]:
    yield _row(
        "Canvas requests; busiest minute",
        f"{results.requests / seconds:,.0f}/s",
        _peak(results.requests_by_minute),
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
    f"{'':>10}{'slots in use':>14}{'queued p99 s':>14}{'delay p99 s':>12}"
    f"{'age p50 min':>13}{'age p99 min':>13}{'manual p99 s':>15}{'scanner':>9}"
)
"""The heading of a sweep; delay and ages are those at hosts without an outage."""


def format_sweep_line(name: str, results: Results) -> str:
    """Format the results for one value of a sweep."""
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
