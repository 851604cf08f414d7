"""Auditors list who read what; this is recorded like any other list."""

from datetime import UTC, datetime

import httpx2
import pytest

from application.record_list_read import RecordListRead
from tests.dev_tokens import BOB, bearer_headers
from tests.interfaces.http.fake_reads import token_at
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

PATH = "/api/v1/audit/readings"
AUDITOR = bearer_headers(BOB, "auditor") | {"Purpose": "yearly review"}


async def test_readings_are_selected_and_the_read_is_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.mark = 7
    parameters = {
        "reader": "cli:ada",
        "connection_id": str(CONNECTION_ID),
        "since": "2026-09-01",
        "limit": "2",
    }
    response = await anonymous.get(PATH, params=parameters, headers=AUDITOR)
    assert response.json() == {
        "items": [{"position": 1, "purpose": "complaint"}],
        "next_cursor": None,
    }
    assert response.headers["Consistency-Token"] == token_at(7)
    since = datetime(2026, 9, 1, tzinfo=UTC)
    assert service.last_call("readings")[1] == {
        "at": None,
        "reader": "cli:ada",
        "connection_id": CONNECTION_ID,
        "since": since,
        "cursor": None,
        "limit": 2,
        "asked_by": str(BOB),
    }
    what = f"readings reader=cli:ada connection_id={CONNECTION_ID} since=2026-09-01T00:00:00Z"
    command = RecordListRead(reader_id=BOB, what=what, purpose="yearly review")
    assert service.last_call("record_list_read")[0] == (command,)


@pytest.mark.parametrize(
    "parameters",
    [{"reader": "a\0b"}, {"reader": "x" * 201}, {"since": "yesterday"}, {"until": "2026-09-01"}],
)
async def test_other_parameters_are_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, parameters: dict[str, str]
) -> None:
    response = await anonymous.get(PATH, params=parameters, headers=AUDITOR)
    assert response.status_code == 422
    assert service.calls == []
