"""One finding of the status report: what is wrong, how bad it is, and where it is explained."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

Severity = Literal["critical", "warning", "notice"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "notice")
"""From worst to mildest."""

MAX_FINDINGS = 100
RUNBOOK = "docs/operations.md"
TITLES = {
    "syncing-off": "Syncing is off",
    "worker-missing": "No worker is alive",
    "projector-missing": "A read model has no owner",
    "scheduler-missing": "No run is requested",
    "api-missing": "The API is not ready",
    "process-warning": "Proxy",
    "host-unreachable": "A Canvas host does not answer",
    "connections-failing": "Many runs fail",
    "connections-throttled": "Canvas throttles",
    "internal-error": "Internal errors",
    "tokens-rejected": "Many runs fail",
    "courses-failing": "Some courses cannot be read",
    "run-stuck": "Runs wait too long",
    "runs-wait": "Runs wait too long",
    "syncs-overdue": "No run is requested",
    "read-model-failing": "A read model is behind",
    "read-model-behind": "A read model is behind",
    "read-model-paused": "A read model is behind",
    "read-model-unowned": "A read model has no owner",
    "read-model-differs": "A read model differs from the log",
    "rebuild-interrupted": "Rebuild",
    "dead-letters": "An event was set aside",
    "log-lost": "The log went backwards",
    "read-model-outdated": "Upgrade",
    "history-not-sealed": "The history is not sealed",
    "witness-contradicts": "A witness contradicts the history",
    "witness-does-not-sign": "A witness does not sign",
}
"""The heading of `docs/operations.md` that explains a finding, by its topic."""


class StatusFinding(NamedTuple):
    """One thing that is wrong: its reason, its age, and what to do.

    `topic` is a key of TITLES. `affected` is the number of things that it concerns. `target` is the
    path in the API that lists them.
    """

    kind: str
    severity: Severity
    reason: str
    action: str
    target: str
    topic: str
    subject: str | None = None
    since: datetime | None = None
    affected: int = 1

    def document(self) -> dict[str, Any]:
        """Return an item of `findings` in `GET /api/v1/admin/status`."""
        title = TITLES[self.topic]
        return {
            "kind": self.kind,
            "severity": self.severity,
            "subject": self.subject,
            "reason": self.reason,
            "since": self.since,
            "count": self.affected,
            "action": self.action,
            "runbook": f"{RUNBOOK}#{anchor_of(title)}",
            "runbook_title": title,
            "target": self.target,
        }


def anchor_of(title: str) -> str:
    """Return the anchor of a heading in Markdown."""
    return title.lower().replace(" ", "-")


def worst_first(findings: Iterable[StatusFinding]) -> list[StatusFinding]:
    """Sort findings by severity, then the oldest first; those without a time come last."""
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(
        findings,
        key=lambda each: (SEVERITIES.index(each.severity), each.since or latest, -each.affected),
    )[:MAX_FINDINGS]
