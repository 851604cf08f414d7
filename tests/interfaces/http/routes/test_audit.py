from datetime import UTC, datetime

import httpx2
import pytest

from application.record_history_read import RecordHistoryRead
from domain.errors import ConnectionNotFound
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

ALL = "/api/v1/audit/connections"
EVENTS, STATE = f"{ALL}/{CONNECTION_ID}/events", f"{ALL}/{CONNECTION_ID}/state"
AUDITOR = bearer_headers(BOB, "auditor")
SINCE = datetime(2026, 9, 1, tzinfo=UTC)


async def test_reading_events_is_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    params = {
        "type": "GradeChanged,CourseFetched",
        "since": "2026-09-01T00:00:00Z",
        "after_version": "3",
        "limit": "2",
    }
    response = await anonymous.get(EVENTS, params=params, headers=AUDITOR)
    assert response.json()["items"] == [{"position": 1, "type": "ConnectionOpened"}]
    assert service.last_call("history") == (
        (CONNECTION_ID,),
        {
            "types": frozenset({"GradeChanged", "CourseFetched"}),
            "since": SINCE,
            "until": None,
            "after_version": 3,
            "cursor": None,
            "limit": 2,
        },
    )
    description = f"events type=CourseFetched,GradeChanged since={SINCE} after_version=3"
    command = RecordHistoryRead(connection_id=CONNECTION_ID, reader=str(BOB), what=description)
    assert service.last_call("record_history_read")[0] == (command,)


@pytest.mark.parametrize(
    ("params", "as_of", "version"),
    [
        ({}, None, None),
        ({"as_of": "2026-09-01T00:00:00Z"}, SINCE, None),
        ({"version": "0"}, None, 0),
    ],
)
async def test_reading_state_is_recorded(
    anonymous: httpx2.AsyncClient,
    service: FakeService,
    params: dict[str, str],
    as_of: datetime | None,
    version: int | None,
) -> None:
    response = await anonymous.get(STATE, params=params, headers=AUDITOR)
    assert response.json()["connection"]["id"] == str(CONNECTION_ID)
    assert service.last_call("state_at") == ((CONNECTION_ID,), {"as_of": as_of, "version": version})
    assert service.last_call("record_history_read")[0][0].what.startswith("state")


async def test_state_at_both_a_time_and_a_version_is_refused(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    params = {"as_of": "2026-09-01T00:00:00Z", "version": "1"}
    response = await anonymous.get(STATE, params=params, headers=AUDITOR)
    assert response.status_code == 422
    assert service.calls == []


async def test_an_unknown_event_type_is_refused(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get(EVENTS, params={"type": "Nonsense"}, headers=AUDITOR)
    assert response.status_code == 422
    assert "ConnectionOpened, TokenRotated" in response.json()["errors"][0]["msg"]


async def test_history_is_not_shown_if_the_access_cannot_be_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["record_history_read"] = ConnectionNotFound(CONNECTION_ID)
    for path in (EVENTS, STATE):
        response = await anonymous.get(path, headers=AUDITOR)
        assert response.status_code == 404
        assert "items" not in response.text


async def test_connections_of_all_users_are_listed(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    params = {"user_id": str(ADA), "canvas_url": "https://school.instructure.com"}
    response = await anonymous.get(ALL, params=params, headers=AUDITOR)
    assert response.json()["items"][0]["user_id"] == str(ADA)
    assert service.last_call("all_connections")[1] == {
        "user_id": ADA,
        "canvas_url": "https://school.instructure.com",
        "cursor": None,
        "limit": 100,
    }
