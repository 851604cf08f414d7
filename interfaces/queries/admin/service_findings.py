"""Finds what is wrong with the installation: syncing, processes, the log and the read models."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from infrastructure.queue.process_list import ProcessStatus
from infrastructure.queue.role_health import ROLES
from infrastructure.queue.syncing_switch import DESCRIPTIONS, SyncingState
from infrastructure.seals.seal_lag import SealLag
from infrastructure.seals.witness_client.witness_status import WitnessProblems
from interfaces.queries.admin.durations import format_duration
from interfaces.queries.admin.role_processes import MISSED_SECONDS
from interfaces.queries.admin.status_findings import Severity, StatusFinding

WORKERS, PROJECTIONS = "/api/v1/admin/workers", "/api/v1/admin/projections"
MAX_LAG_SECONDS = 60.0
"""Seconds that a read model may be behind the event log."""
CRITICAL_LAG_SECONDS = 600.0
MAX_SEAL_LAG_SECONDS = 180.0
"""Seconds for which no signed checkpoint may cover an event."""
MAX_WITNESS_SECONDS = 3600.0
"""Seconds for which a witness may sign no checkpoint."""


def syncing_findings(state: SyncingState) -> Iterator[StatusFinding]:
    """Find that this database contacts no Canvas."""
    if state != "on":
        yield StatusFinding(
            "syncing-off",
            "critical",
            f"Syncing is {DESCRIPTIONS[state].partition(';')[0]}.",
            "Run `easeboard syncing on` if this database is the one that may contact Canvas.",
            "/api/v1/admin/schedule",
            "syncing-off",
        )


def log_findings(losses: str) -> Iterator[StatusFinding]:
    """Find that the log lacks events that something else still has."""
    if losses != "ok":
        yield StatusFinding(
            "log-lost",
            "critical",
            f"The event log lacks events: {losses}",
            "Restore a whole backup that has them, or read the runbook before you restart.",
            "/api/v1/admin/projections",
            "log-lost",
        )


def seal_findings(
    seals: SealLag, witnesses: WitnessProblems, now: datetime
) -> Iterator[StatusFinding]:
    """Find events without a seal, and witnesses that do not sign."""
    doctor = "`easeboard doctor` has the reason."
    if seals.lag_seconds > MAX_SEAL_LAG_SECONDS:
        reason = f"Events have not been sealed for {format_duration(seals.lag_seconds)}."
        since = now - timedelta(seconds=seals.lag_seconds)
        kind = "history-not-sealed"
        yield StatusFinding(kind, "warning", reason, doctor, PROJECTIONS, kind, since=since)
    if witnesses.contradictions:
        reason = "A witness has signed another history than the one in the database."
        action = "Change nothing, and follow the runbook."
        kind = "witness-contradicts"
        yield StatusFinding(kind, "critical", reason, action, PROJECTIONS, kind)
    if witnesses.problem_seconds > MAX_WITNESS_SECONDS:
        reason = f"A witness has signed nothing for {format_duration(witnesses.problem_seconds)}."
        since = now - timedelta(seconds=witnesses.problem_seconds)
        kind = "witness-does-not-sign"
        yield StatusFinding(kind, "warning", reason, doctor, PROJECTIONS, kind, since=since)


def outdated_findings(*, is_outdated: bool) -> Iterator[StatusFinding]:
    """Find that read models are being built after an upgrade, so that syncs cannot be examined."""
    if is_outdated:
        kind = "read-model-outdated"
        reason = (
            "The read models are being built after an upgrade: hosts, connections and syncs are"
            " missing in this report until then."
        )
        action = "Wait; `easeboard projections list` shows the progress."
        yield StatusFinding(kind, "warning", reason, action, PROJECTIONS, kind)


def process_findings(processes: Sequence[ProcessStatus]) -> Iterator[StatusFinding]:
    """Find roles without a live process, processes without a heartbeat, and their warnings."""
    if not any(each.is_alive for each in processes):
        yield StatusFinding(
            "role-missing",
            "critical",
            "No process of easeboard is running.",
            "Start one with `easeboard serve`.",
            WORKERS,
            "worker-missing",
            since=max((each.heartbeat_at for each in processes), default=None),
        )
        return
    for role in ROLES:
        yield from _missing_role(role, [each for each in processes if role in each.roles])
    for process in processes:
        yield from _problems_of(process)


def _missing_role(role: str, own: Sequence[ProcessStatus]) -> Iterator[StatusFinding]:
    if not any(each.is_alive for each in own):
        yield StatusFinding(
            "role-missing",
            "critical",
            f"No live process has the role {role}.",
            f"Start one with `easeboard serve --roles {role}`.",
            WORKERS,
            f"{role}-missing",
            role,
            max((each.heartbeat_at for each in own), default=None),
        )


def _problems_of(process: ProcessStatus) -> Iterator[StatusFinding]:
    if not process.is_alive and process.silent_seconds < MISSED_SECONDS:
        yield StatusFinding(
            "process-silent",
            "warning",
            f"The process {process.name} ({', '.join(process.roles)}) writes no heartbeat.",
            "Check that it runs. A killed process is listed for 10 minutes.",
            WORKERS,
            f"{process.roles[0]}-missing" if process.roles else "worker-missing",
            process.name,
            process.heartbeat_at,
        )
    if process.is_alive:
        for warning in process.warnings:
            yield StatusFinding(
                "process-warning",
                "warning",
                warning["detail"],
                "Correct the setting that the reason names, and restart the process.",
                WORKERS,
                "process-warning",
                process.name,
            )


def is_in_step(model: dict[str, Any]) -> bool:
    """Return whether events are applied to a read model, and it is not far behind the log."""
    is_near = float(model["lag_seconds"]) <= MAX_LAG_SECONDS
    return is_near and model["state"] == "live"


def read_model_findings(
    models: Sequence[dict[str, Any]], processes: Sequence[ProcessStatus]
) -> Iterator[StatusFinding]:
    """Find what is wrong with the read models, given their status.

    Without a process that has the role projector, that they have no owner is no finding.
    """
    running = [each for each in models if each["state"] == "live"]
    late = [each for each in running if each["lag_seconds"] > MAX_LAG_SECONDS]
    if late:
        yield _late_finding(late)
    unowned = [each for each in running if each["owner"] is None and each not in late]
    if unowned and any("projector" in each.roles for each in processes if each.is_alive):
        reason = f"No process applies events to {_names_of(unowned)}."
        action = "Start one with `easeboard serve --roles projector`."
        yield _of_models(unowned, "read-model-unowned", "warning", reason, action)
    for model in models:
        yield from _state_findings(model)
        yield from _content_findings(model)


def _late_finding(late: Sequence[dict[str, Any]]) -> StatusFinding:
    lag = max(each["lag_seconds"] for each in late)
    severity: Severity = "critical" if lag > CRITICAL_LAG_SECONDS else "warning"
    reason = f"Up to {format_duration(lag)} behind the event log: {_names_of(late)}."
    action = "Start another process with `easeboard serve --roles projector`."
    return _of_models(late, "read-model-behind", severity, reason, action)


def _names_of(models: Sequence[dict[str, Any]]) -> str:
    names = ", ".join(each["name"] for each in models)
    return f"the read model {names}" if len(models) == 1 else f"the read models {names}"


def _state_findings(model: dict[str, Any]) -> Iterator[StatusFinding]:
    name = model["name"]
    if model["state"] == "failing":
        reason = f"The read model {name} cannot apply events: {model['error']}"
        action = "Remove the cause that the reason names; it goes on by itself."
        yield _of_models([model], "read-model-failing", "critical", reason, action)
    elif model["state"] == "paused":
        action = f"`easeboard projections resume {name}` lets it continue."
        yield _of_models([model], "read-model-paused", "warning", _why_paused(model), action)


def _why_paused(model: dict[str, Any]) -> str:
    lag_seconds = round(model["lag_seconds"])
    behind = f" and {format_duration(lag_seconds)} behind the event log" if lag_seconds else ""
    since = "" if lag_seconds else " from the next event on"
    return (
        f"The read model {model['name']} is paused{behind}. Documents that need it together with"
        f" another read model are refused{since}, until it is resumed."
    )


def _content_findings(model: dict[str, Any]) -> Iterator[StatusFinding]:
    name, letters, verified, rebuild = (
        model[member] for member in ("name", "dead_letters", "verified", "rebuild")
    )
    if letters:
        reason = f"{letters} events are set aside in the read model {name}: {model['error']}"
        action = "Remove the cause, then run `easeboard projections dead-letters --retry all`."
        target = f"{PROJECTIONS}/{name}/dead-letters"
        finding = _of_models([model], "dead-letters", "warning", reason, action)
        yield finding._replace(affected=letters, target=target)
    if verified and verified["result"] != "ok":
        reason = f"The rows of the read model {name} are not those of the event log."
        action = f"`easeboard projections rebuild {name}` makes them again; report the difference."
        finding = _of_models([model], "read-model-differs", "warning", reason, action)
        yield finding._replace(since=verified["at"])
    if rebuild and rebuild["state"] == "interrupted":
        reason = f"The process that rebuilt the read model {name} has stopped."
        action = f"`easeboard projections rebuild {name}` continues the rebuild."
        yield _of_models([model], "rebuild-interrupted", "notice", reason, action)


def _of_models(
    models: Sequence[dict[str, Any]], kind: str, severity: Severity, reason: str, action: str
) -> StatusFinding:
    subject = ", ".join(each["name"] for each in models)
    return StatusFinding(
        kind, severity, reason, action, PROJECTIONS, kind, subject, affected=len(models)
    )
