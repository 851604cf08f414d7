"""Examples of responses about the read models, by schema."""

from typing import Any

_EVENT_ID = "5d3d9ab5-0f5b-4b6e-8a35-6d1f6f0b8a11"
_TIME = "2026-09-01T05:59:59Z"

PROJECTION_EXAMPLES: dict[str, Any] = {
    "Projection": {
        "name": "courses",
        "version": 3,
        "state": "live",
        "error": None,
        "position": 4711,
        "head": 4711,
        "lag_events": 0,
        "lag_seconds": 0.0,
        "events_per_second": 0.4,
        "dead_letters": 0,
        "owner": "server-1f2e3d:412:1788264000",
        "verified": {
            "at": _TIME,
            "position": 4200,
            "digest": "9f86d081884c7d65",
            "result": "ok",
        },
        "rebuild": None,
    },
    "DeadLetter": {
        "id": _EVENT_ID,
        "projection": "courses",
        "version": 3,
        "position": 4700,
        "stream": "79d3cce3-8488-5f0b-a5ec-de73090923c4",
        "topic": "CourseFetched",
        "person_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "error": "EventUnreadable at position 4700 (CourseFetched): its format is unknown",
        "waiting": 2,
        "parked_at": _TIME,
    },
    "DeadLetterOutcome": {
        "id": _EVENT_ID,
        "projection": "courses",
        "result": "applied",
        "error": None,
    },
    "ProjectionAccepted": {"name": "courses"},
}
