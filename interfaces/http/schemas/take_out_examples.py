"""Examples of what a person takes along, and of an erasure, by schema."""

from collections.abc import Mapping
from typing import Any

from interfaces.http.schemas.reading_examples import READING_EXAMPLES

_USER_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
_TIME = "2026-09-01T05:59:59Z"


def take_out_examples(lists: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examples; `lists` has an example for each list, `event` is one of an auditor."""
    connection_id = lists["connections"]["id"]
    own_event = {name: value for name, value in event.items() if name != "seal"}
    return {
        "TakeOut": {
            "exported_at": _TIME,
            "account": {
                "id": _USER_ID,
                "roles": ["student"],
                "calendar_shared_at": None,
                "erased_at": None,
            },
            **{name: [example] for name, example in lists.items()},
            "disclosures": [READING_EXAMPLES["Disclosure"]],
            "history": [{**own_event, "connection_id": connection_id}],
        },
        "AcceptedErasure": {"user_id": _USER_ID, "erased": True, "auth_user": "waiting"},
    }
