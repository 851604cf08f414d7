"""`easeboard status`: prints what is wrong, worst first, and how much there is to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infrastructure.postgres.database_address import open_existing_database
from infrastructure.postgres.pools import open_read_pool
from interfaces.cli.output import print_heading, print_json, print_line, print_wrapped
from interfaces.cli.runtime import configure, run
from interfaces.composition.startup_checks import require_migrated
from interfaces.queries.admin.durations import format_duration
from interfaces.queries.admin.scheduled_hours import ScheduledHours
from interfaces.queries.admin.status_report import StatusReport
from interfaces.queries.sentence_parts import counted

Document = dict[str, Any]
LABEL_COLUMNS = 13
"""Width of the labels of the numbers."""


def show_status(*, json: bool) -> None:
    """Print the findings of the report, then the numbers of what there is to do.

    It needs no master key, and changes nothing.

    Raises:
        NoDatabase: If the embedded database has not been created yet.
        MigrationRefused: If the database has not been migrated.
        PostgresUnavailable: If the database cannot be started or reached.
    """
    settings = configure()
    with open_existing_database(settings) as url:
        require_migrated(settings, url)
        report = run(_load_report(url, settings.sync_interval))
    if json:
        print_json(report)
    else:
        _print_findings(report["findings"], report["at"])
        _print_numbers(report)


async def _load_report(url: str, interval: timedelta) -> Document:
    async with open_read_pool(url, size=1) as pool:
        return await StatusReport(pool, ScheduledHours(pool, interval)).report()


def _print_findings(findings: list[Document], now: datetime) -> None:
    if not findings:
        print_line("Nothing is wrong.")
        return
    print_line("What is wrong, worst first:")
    for finding in findings:
        print_line()
        label = finding["severity"].upper()
        print_wrapped(finding["reason"], f"{label}: ", hanging="  ")
        if finding["since"]:
            print_line(f"  Since {_moment(finding['since'])}, for {_age(finding['since'], now)}.")
        print_wrapped(finding["action"], "  Do: ", hanging="      ")
        path = finding["runbook"].partition("#")[0]
        print_wrapped(f"{path}, “{finding['runbook_title']}”", "  See: ", hanging="       ")


def _print_numbers(report: Document) -> None:
    connections, queue, due = (report[name] for name in ("connections", "queue", "due_next_24h"))
    hosts, models = report["hosts"], report["read_models"]
    print_heading("How much there is to do:")
    _print_numbers_of(
        "Connections",
        f"{connections['open']:,} open; {_who(connections['failing'], 'fail')}, "
        f"{_who(connections['partial'], 'fail')} in part, "
        f"{_who(connections['token_rejected'], 'wait')} for a new token",
    )
    _print_numbers_of(
        "Canvas hosts",
        f"{hosts['failing']:,} without a response to the last sync; "
        f"scheduled syncs wait at {hosts['open']:,}, "
        f"{counted(hosts['half_open'], 'is', 'are')} tried again",
    )
    oldest = queue["oldest_requested_at"]
    waits = f", the oldest for {_age(oldest, report['at'])}" if oldest else ""
    _print_numbers_of(
        "Queue", f"{_who(queue['queued'], 'wait')}{waits}; {queue['running']:,} running"
    )
    _print_numbers_of(
        "Processes", ", ".join(f"{role} {live}" for role, live in report["processes"].items())
    )
    _print_numbers_of(
        "Read models",
        f"{models['total']}; {models['behind']} behind, {models['failing']} failing, "
        f"{models['paused']} paused, {counted(models['dead_letters'], 'event')} set aside",
    )
    _print_numbers_of(
        "Next 24 h",
        f"{counted(due['connections'], 'connection is', 'connections are')} due "
        f"({due['overdue']:,} already), "
        f"{counted(due['expected_syncs'], 'sync is', 'syncs are')} expected",
    )
    if due["by_hour"]:
        hours = "  ".join(
            f"{each['hour']:%H} h {each['expected_syncs']:,}" for each in due["by_hour"]
        )
        _print_numbers_of("Syncs by hour", f"{hours}  (UTC)")


def _print_numbers_of(label: str, text: str) -> None:
    print_wrapped(text, f"{label:<{LABEL_COLUMNS}}  ", hanging=" " * (LABEL_COLUMNS + 2))


def _who(number: int, verb: str) -> str:
    """Return how many do something: `1 waits`, `2 wait`."""
    return counted(number, f"{verb}s", verb)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _age(at: datetime, now: datetime) -> str:
    return format_duration((now - at).total_seconds())
