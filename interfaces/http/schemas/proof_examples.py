"""Examples of signed checkpoints, seals, exports and reports of the log, by schema."""

from collections.abc import Mapping
from typing import Any

_LOG = "easeboard.school.edu/easeboard/6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
_VKEY = f"{_LOG}+6d5e9996+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
_ROOT = "UNhY4JhezH9gQYqvDMWrWH9CwlcKiECVqejMrND2VFw="
_NOTE = (
    f"{_LOG}\n4812\n{_ROOT}\n\n"
    f"— {_LOG} bV6ZljQnvk5RexJPnXRUvscS9zLIOHxcNlVhzjFPc0UflJa3McwRxSJlACJrNNHxj8B6Byn4q03Se8cA7jcn"
    "HOqE7Qs=\n"
)
_TIME = "2026-09-01T05:59:59Z"

SEAL_EXAMPLE = {"index": 4700, "tree_size": 4812, "checkpoint": _NOTE}
_CHECKPOINT_EXAMPLE = {
    "size": 4812,
    "last_position": 4823,
    "root": _ROOT,
    "sealed_at": _TIME,
    "note": _NOTE,
    "cosigners": [],
}
_PROBLEM_EXAMPLE = {
    "kind": "actor changed",
    "detail": "The row at position 4711 was changed: actor is 'worker', sealed was 'scheduler'.",
    "position": 4711,
    "index": 4700,
    "fields": ["actor"],
    "size": None,
    "event_id": "1c9d2b60-7e3f-4a58-9b16-5d4c3b2a1f0e",
}
_REPORT_EXAMPLE = {
    "result": "problems",
    "log": _LOG,
    "keys": [_VKEY],
    "from_size": 0,
    "to_size": 4812,
    "last_position": 4823,
    "root": _ROOT,
    "complete": True,
    "events": 4812,
    "unsealed_events": 2,
    "checkpoints": 37,
    "compared_with": ["tiles of the database", "published tiles", "published entries"],
    "problems": [_PROBLEM_EXAMPLE],
    "problem_count": 1,
    "checked_at": _TIME,
    "seconds": 0.043,
    "verified_again": None,
}


def proof_examples(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examples; `event` is an event as auditors see it."""
    shown = {name: value for name, value in event.items() if name not in {"seal", "sentence"}}
    return {
        "SignedCheckpoint": _CHECKPOINT_EXAMPLE,
        "VerificationReport": _REPORT_EXAMPLE,
        "ExportedEvent": {
            "line": "event",
            **shown,
            "index": 4700,
            "path": [_ROOT],
            "entry": "ZWFzZWJvYXJkLmNvbS9ldmVudC92MQo=",
            "state": "BnF5",
            "opening": {
                "salt": "AAECAwQFBgcICQoLDA0ODw==",
                "plaintext": '{"token_fingerprint":"0a1b2c3d"}',
            },
        },
    }
