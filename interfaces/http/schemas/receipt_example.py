"""An example of the receipt of a grade for the OpenAPI document."""

from typing import Any

RECEIPT_EXAMPLE: dict[str, Any] = {
    "format": "easeboard.com/grade-receipt/v1",
    "statement": "The event history of this log had this grade when the checkpoint was signed.",
    "grade": {
        "subject": "assignment",
        "course_id": "9007199254740995",
        "course_name": "Physics",
        "assignment_id": "9007199254740997",
        "assignment_name": "Essay on light",
        "previous": {"score": 7.5, "grade": "7.5"},
        "current": {"score": 9.0, "grade": "9"},
        "baseline": False,
        "connection_id": "3f0c1a52-6a0e-5b7e-9d0f-7a1b2c3d4e5f",
        "sync_id": "5d1e8f70-2c3b-4a69-8e7d-0f1a2b3c4d5e",
        "class_version": 2,
        "recorded_at": "2026-09-01T05:59:59Z",
        "canvas_url": "https://school.instructure.com",
        "person_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "event_id": "9e2a7c41-5b38-5d06-8f1e-2c3d4e5f6a7b",
    },
    "connection_number": 1,
    "opening": {
        "salt": "AAECAwQFBgcICQoLDA0ODw==",
        "plaintext": '{"connection_id":"3f0c1a52-6a0e-5b7e-9d0f-7a1b2c3d4e5f", …}',
    },
    "state": "BrNt0RRlyx3w2L7nyXVJJzpOuzKDVhVB/7zSY7RtWj/r…",
    "entry": "ZWFzZWJvYXJkLmNvbS9ldmVudC92MQo…",
    "proof": "c2sp.org/tlog-proof@v1\nindex 41\n…\n\nexample.com/easeboard/…\n1034\n…",
    "vkeys": ["example.com/easeboard/6f9619ff+0a1b2c3d+AQ…"],
}
