"""Finds what is wrong with syncs: hosts that do not respond, connections that fail, stuck runs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from domain.circuit_breaker import NO_RESPONSE_CODES
from domain.errors import CanvasResponseUnusable, CanvasThrottled, CanvasTokenRejected
from interfaces.queries.admin.durations import format_duration
from interfaces.queries.admin.host_names import host_of
from interfaces.queries.admin.scheduled_hours import HourCount
from interfaces.queries.admin.status_findings import Severity, StatusFinding

HOSTS, RUNS, SCHEDULE = (
    f"/api/v1/admin/{name}" for name in ("hosts", "runs?status=queued", "schedule")
)
CRITICAL_SILENCE = timedelta(hours=1)
"""How long a Canvas host may not respond before it is critical."""
MAX_WAIT = timedelta(minutes=10)
"""How long a run may be queued."""
MAX_OVERDUE = timedelta(minutes=15)
"""How long a connection may be due before its sync is requested."""

ACTION_BY_CODE = {
    "canvas-token-rejected": "Inform these users: each must enter a new token.",
    "canvas-unreachable": "Check the hosts; easeboard tries again by itself.",
    "canvas-timeout": "Check the hosts; easeboard tries again by itself.",
    "canvas-throttled": "Lower SYNC_CONCURRENCY_PER_HOST if whole institutions are concerned.",
    "canvas-forbidden": "Compare the permissions of the tokens with the reason.",
    "canvas-answer-unusable": "Check that the hosts are those of a Canvas; read the reason.",
    "internal-error": "Find the log message `run_crashed`, and report the defect.",
    "interrupted": "Check why workers stop; the syncs are repeated by themselves.",
    "daily-limit": "Nothing: the rest is read after midnight (UTC).",
}
OTHER_ACTION = "Read the reason of each connection in the list."
PARTIAL_ACTION = (
    "The host responds, and all else was read. Each sync tries these courses again; if it stays so,"
    " give the reason to the administrators of this Canvas."
)
"""Instead of the action of a code that concerns the whole host."""
WHOLE_HOST_CODES = NO_RESPONSE_CODES | {CanvasResponseUnusable.code}


class FailureGroup(NamedTuple):
    """The connections whose last sync failed with one code; `since` is the first failure.

    `worst_origin` is the Canvas of the one with the most failures in a row, `worst_run` the JSON of
    the last run of it that failed.
    """

    code: str
    is_partial: bool
    connections: int
    since: datetime | None
    worst_origin: str
    worst_run: bytes | None

    @property
    def where(self) -> str:
        """The host of the only connection, or of the worst one, as a part of a sentence."""
        host = host_of(self.worst_origin)
        return f" at {host}" if self.connections == 1 else f", the worst at {host}"

    @property
    def action(self) -> str:
        """What an operator can do."""
        if self.is_partial and self.code in WHOLE_HOST_CODES:
            return PARTIAL_ACTION
        return ACTION_BY_CODE.get(self.code, OTHER_ACTION)

    @property
    def unread_courses(self) -> str:
        """How many courses of the worst one were not read, and why, as a part of a sentence."""
        run = orjson.loads(self.worst_run) if self.worst_run else None
        if not run or not run["error"]:
            return ""
        courses, detail = run["courses"], run["error"]["detail"].rstrip(".")
        return f": {courses['failed']} of {courses['total']} courses, the first because: {detail}"


def host_findings(hosts: Iterable[dict[str, Any]], now: datetime) -> Iterator[StatusFinding]:
    """Find the hosts that do not respond, given items of `GET /api/v1/admin/hosts`."""
    for host in hosts:
        is_closed, since = host["circuit"] == "closed", host["failing_since"]
        is_long = now - since > CRITICAL_SILENCE
        severity: Severity = "notice" if is_closed else "critical" if is_long else "warning"
        yield StatusFinding(
            "host-unreachable",
            severity,
            _why_unreachable(host),
            "Check its status page and your network; easeboard goes on by itself.",
            HOSTS,
            "host-unreachable",
            host["host"],
            since,
            host["failures"],
        )


def _why_unreachable(host: dict[str, Any]) -> str:
    name, failures = host["host"], host["failures"]
    if host["circuit"] == "closed":
        last = "The last sync" if failures == 1 else f"The last {failures:,} syncs"
        return f"{last} at {name} failed without a response; the next one tries it again."
    tried = "one sync tries whether it responds again"
    if host["circuit"] == "open":
        tried = f"a scheduled sync tries it again after {host['next_try_at']:%H:%M:%S} UTC"
    return (
        f"The Canvas host {name} does not respond: {_count(failures, 'sync')} failed since its last"
        f" response; {tried}."
    )


def connection_findings(
    groups: Iterable[FailureGroup], *, has_silent_host: bool
) -> Iterator[StatusFinding]:
    """Find why connections fail, one finding for each code.

    With `has_silent_host`, hosts that do not respond are a finding of their own.
    """
    for group in groups:
        yield _failure_finding(group, has_silent_host=has_silent_host)


def _failure_finding(group: FailureGroup, *, has_silent_host: bool) -> StatusFinding:
    number = _count(group.connections, "connection")
    kind, severity, topic = "connections-failing", "warning", "connections-failing"
    reason = f"The last sync of {number} failed with {group.code}{group.where}."
    if group.code == CanvasTokenRejected.code:
        kind, severity, topic = "tokens-rejected", "notice", "tokens-rejected"
        reason = f"Canvas rejects the token of {number}{group.where}."
    elif group.is_partial:
        kind, severity, topic = "courses-failing", "notice", "courses-failing"
        reason = f"Some courses of {number} cannot be read ({group.code}){group.where}"
        reason += f"{group.unread_courses}."
    elif group.code in NO_RESPONSE_CODES:
        severity, topic = "notice" if has_silent_host else "warning", "host-unreachable"
    elif group.code == CanvasThrottled.code:
        topic = "connections-throttled"
    elif group.code == "internal-error":
        severity, topic = "critical", "internal-error"
    status = "&status=partial" if group.is_partial else ""
    return StatusFinding(
        kind,
        severity,  # type: ignore[arg-type]  # one of the three, chosen above
        reason,
        group.action,
        f"/api/v1/admin/connections?code={group.code}{status}",
        topic,
        group.code,
        group.since,
        group.connections,
    )


def run_findings(
    runs: Sequence[dict[str, Any]], oldest_queued_at: datetime | None, queued: int, now: datetime
) -> Iterator[StatusFinding]:
    """Find runs that are stuck or wait too long, given items of `GET /api/v1/admin/runs`."""
    for reason in dict.fromkeys(run["stuck"] for run in runs if run["stuck"]):
        stuck = [run for run in runs if run["stuck"] == reason]
        since = min(datetime.fromisoformat(run["requested_at"]) for run in stuck)
        yield StatusFinding(
            "run-stuck",
            "warning",
            f"Stuck at {_hosts_of(stuck)}: {_count(len(stuck), 'sync')}. {reason}",
            "If it does not go on within some minutes, restart the workers.",
            f"/api/v1/admin/runs?status={stuck[0]['status']}",
            "run-stuck",
            stuck[0]["host"],
            since,
            len(stuck),
        )
    if oldest_queued_at and now - oldest_queued_at > MAX_WAIT:
        yield StatusFinding(
            "runs-wait",
            "critical",
            f"{_count(queued, 'sync')} wait for a worker, the oldest for"
            f" {format_duration((now - oldest_queued_at).total_seconds())}.",
            "Start another process with `easeboard serve --roles worker`.",
            RUNS,
            "runs-wait",
            None,
            oldest_queued_at,
            queued,
        )


def overdue_findings(hours: Iterable[HourCount], now: datetime) -> Iterator[StatusFinding]:
    """Find that syncs are not requested although they are due."""
    late = [each for each in hours if each.longest_due_at and each.overdue]
    longest = min((each.longest_due_at for each in late if each.longest_due_at), default=None)
    if longest and now - longest > MAX_OVERDUE:
        overdue = sum(each.overdue for each in late)
        yield StatusFinding(
            "syncs-overdue",
            "warning",
            f"{_count(overdue, 'connection')} are due, and no sync was requested.",
            "Check that a process with the role scheduler runs, and that workers keep up.",
            SCHEDULE,
            "syncs-overdue",
            None,
            longest,
            overdue,
        )


def _hosts_of(runs: Sequence[dict[str, Any]]) -> str:
    hosts = sorted({run["host"] for run in runs})
    return hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
