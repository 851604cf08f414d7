"""Examples of responses about who read whose data, by schema."""

from typing import Any

_READING: dict[str, Any] = {
    "position": 4712,
    "read_at": "2026-09-01T05:59:59Z",
    "reader": "0a53fe0c-4c1f-4d0b-9c8e-2b1a0f9e8d7c",
    "connection_id": "3f0c1a52-6a0e-5b7e-9d0f-7a1b2c3d4e5f",
    "what": "events type=GradeChanged",
    "purpose": "complaint 4711",
}

READING_EXAMPLES: dict[str, Any] = {
    "Disclosure": _READING,
    "RecordedReading": {**_READING, "user_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"},
}
