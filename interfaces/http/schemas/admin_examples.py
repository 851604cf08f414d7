"""Examples of the lists and of the status report for admins, by schema."""

from typing import Any

_TIME = "2026-09-01T05:59:59Z"
_LATER = "2026-09-01T06:09:59Z"
_HOST = {"canvas_url": "https://school.instructure.com", "host": "school.instructure.com"}
_CONNECTION_ID = "3f0c1a52-6a0e-5b7e-9d0f-7a1b2c3d4e5f"
_SYNC_ID = "5d1e8f70-2c3b-4a69-8e7d-0f1a2b3c4d5e"
_USER_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"

ADMIN_EXAMPLES: dict[str, Any] = {
    "AdminConnection": {
        "id": _CONNECTION_ID,
        "user_id": _USER_ID,
        **_HOST,
        "status": "active",
        "error": {
            "code": "canvas-timeout",
            "detail": "school.instructure.com did not respond within 65 s; try again later.",
        },
        "partial": False,
        "failures": 3,
        "failing_since": _TIME,
        "last_failed_at": _TIME,
        "last_failed_sync_id": _SYNC_ID,
        "last_synced_at": _TIME,
        "next_sync_at": _LATER,
        "sync": "idle",
    },
    "CanvasHost": {
        **_HOST,
        "circuit": "open",
        "failures": 7,
        "openings": 3,
        "failing_since": _TIME,
        "last_failed_at": _TIME,
        "next_try_at": _LATER,
        "connections": 812,
        "failing_connections": 7,
        "codes": [{"code": "canvas-timeout", "connections": 7}],
        "queued": 0,
        "running": 1,
    },
    "ActiveRun": {
        "id": _SYNC_ID,
        "connection_id": _CONNECTION_ID,
        "user_id": _USER_ID,
        **_HOST,
        "trigger": "schedule",
        "mode": "incremental",
        "status": "running",
        "requested_at": _TIME,
        "started_at": _TIME,
        "courses": {"total": 6, "done": 2, "failed": 0},
        "worker_heartbeat_at": _LATER,
        "stuck": None,
    },
    "RoleProcesses": {
        "role": "worker",
        "state": "ok",
        "problem": None,
        "live": 1,
        "processes": [
            {
                "name": "server-1f2e3d:412:1788264000",
                "machine": "server-1f2e3d",
                "pid": 412,
                "roles": ["projector", "worker"],
                "since": _TIME,
                "heartbeat_at": _LATER,
                "alive": True,
                "read_models": ["courses"],
                "warnings": [
                    {
                        "code": "untrusted_proxy",
                        "detail": "All requests come from 10.0.0.7: add it to TRUSTED_PROXIES.",
                        "noticed_at": _TIME,
                    }
                ],
            }
        ],
    },
    "ScheduledHour": {
        "hour": "2026-09-01T06:00:00Z",
        **_HOST,
        "due": 410,
        "overdue": 0,
        "expected_syncs": 806,
        "held_until": None,
    },
    "AdminStatus": {
        "at": _LATER,
        "syncing": "on",
        "findings": [
            {
                "kind": "host-unreachable",
                "severity": "critical",
                "subject": "school.instructure.com",
                "reason": "The Canvas host school.instructure.com does not respond.",
                "since": _TIME,
                "count": 7,
                "action": "Check its status page; easeboard tries it again by itself.",
                "runbook": "docs/operations.md#a-canvas-host-does-not-answer",
                "runbook_title": "A Canvas host does not answer",
                "target": "/api/v1/admin/hosts",
            }
        ],
        "connections": {"open": 812, "failing": 7, "partial": 1, "token_rejected": 2},
        "hosts": {"failing": 1, "open": 1, "half_open": 0},
        "queue": {"queued": 0, "running": 1, "oldest_requested_at": None},
        "processes": {"api": 2, "worker": 2, "projector": 1, "scheduler": 1},
        "read_models": {
            "total": 7,
            "in_step": 7,
            "behind": 0,
            "failing": 0,
            "paused": 0,
            "dead_letters": 0,
        },
        "due_next_24h": {
            "connections": 810,
            "overdue": 0,
            "expected_syncs": 9240,
            "by_hour": [{"hour": "2026-09-01T06:00:00Z", "due": 410, "expected_syncs": 410}],
        },
    },
}
