from datetime import UTC, datetime

import httpx2
import pytest

from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from domain.errors import ConnectionNotFound
from domain.log_position import LogPosition
from interfaces.consistency_token import encode_consistency_token
from interfaces.queries.history_pages import LogNotSettled
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_reads import HEAD, place_at, token_at
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

ALL = "/api/v1/audit/connections"
EVENTS, STATE = f"{ALL}/{CONNECTION_ID}/events", f"{ALL}/{CONNECTION_ID}/state"
PURPOSE = "complaint 4711"
AUDITOR = bearer_headers(BOB, "auditor") | {"Purpose": PURPOSE}
QUERY_BY_PATH = {EVENTS: "history", STATE: "state_at"}
SINCE = datetime(2026, 9, 1, tzinfo=UTC)


async def test_reading_events_is_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    params = {
        "type": "GradeChanged,CourseFetched",
        "since": "2026-09-01T00:00:00Z",
        "after_position": "3",
        "sort": "-position",
        "limit": "2",
    }
    response = await anonymous.get(EVENTS, params=params, headers=AUDITOR)
    assert response.json()["items"] == [{"position": 1, "type": "ConnectionOpened"}]
    assert service.last_call("history") == (
        (CONNECTION_ID,),
        {
            "at": None,
            "types": frozenset({"GradeChanged", "CourseFetched"}),
            "since": SINCE,
            "until": None,
            "after_position": 3,
            "sort": "-position",
            "cursor": None,
            "limit": 2,
            "reader": str(BOB),
        },
    )
    types = "type=CourseFetched,GradeChanged"
    description = f"events {types} since=2026-09-01T00:00:00Z after_position=3"
    command = RecordHistoryRead(
        connection_id=CONNECTION_ID, reader=str(BOB), what=description, purpose=PURPOSE
    )
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
    assert service.last_call("state_at") == (
        (CONNECTION_ID,),
        {"at": None, "as_of": as_of, "version": version},
    )
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
        "status": None,
        "q": None,
        "cursor": None,
        "limit": 100,
    }


async def test_the_list_is_read_from_the_read_model_connections(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 7
    response = await anonymous.get(ALL, headers=AUDITOR)
    assert response.headers["Consistency-Token"] == token_at(7)
    headers = {**AUDITOR, "If-None-Match": response.headers["ETag"]}
    unchanged = await anonymous.get(ALL, headers=headers)
    assert (unchanged.status_code, unchanged.headers["Consistency-Token"]) == (304, token_at(7))
    assert set(service.reads) == {("connections",)}


async def test_the_list_waits_until_it_includes_the_token(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 6
    headers = {**AUDITOR, "Consistency-Token": token_at(7), "Prefer": "wait=5"}
    response = await anonymous.get(ALL, headers=headers)
    assert response.headers["Consistency-Token"] == token_at(7)
    service.projected_position, service.catches_up = 6, False
    behind = await anonymous.get(ALL, headers=headers)
    assert (behind.status_code, behind.headers["Retry-After"]) == (503, "1")
    assert behind.json()["type"] == "/problems/projection-behind"
    assert [name for name, *_ in service.calls].count("record_list_read") == 1


async def test_reading_the_list_is_recorded_in_the_stream_of_the_reader(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    await anonymous.get(ALL, params={"user_id": str(ADA)}, headers=AUDITOR)
    command = RecordListRead(
        reader_id=BOB, what=f"connections user_id={ADA}", purpose=PURPOSE, about=ADA
    )
    assert service.last_call("record_list_read")[0] == (command,)


async def test_a_state_that_does_not_exist_is_recorded_too(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["state_at"] = ConnectionNotFound(CONNECTION_ID)
    response = await anonymous.get(STATE, params={"version": "9999"}, headers=AUDITOR)
    assert response.status_code == 404
    assert service.last_call("record_history_read")[0][0].what == "state version=9999"


@pytest.mark.parametrize(
    "params",
    [
        {"after_version": "1"},
        {"after_position": "-1"},
        {"after_position": str(2**63)},
        {"sort": "version"},
    ],
)
async def test_other_ways_to_go_on_are_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, params: dict[str, str]
) -> None:
    response = await anonymous.get(EVENTS, params=params, headers=AUDITOR)
    assert response.status_code == 422
    assert service.calls == []


@pytest.mark.parametrize("path", [EVENTS, STATE])
async def test_a_read_has_the_token_of_the_mark_also_when_nothing_has_changed(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    service.mark = 7
    response = await anonymous.get(path, headers=AUDITOR)
    assert response.headers["Consistency-Token"] == token_at(7)
    headers = {**AUDITOR, "If-None-Match": response.headers["ETag"]}
    unchanged = await anonymous.get(path, headers=headers)
    assert (unchanged.status_code, unchanged.headers["Consistency-Token"]) == (304, token_at(7))


@pytest.mark.parametrize(("path", "query"), QUERY_BY_PATH.items())
async def test_a_read_with_a_token_is_read_at_a_mark_that_includes_it(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str, query: str
) -> None:
    service.mark = 7
    headers = {**AUDITOR, "Consistency-Token": token_at(7), "Prefer": "wait=5"}
    assert (await anonymous.get(path, headers=headers)).status_code == 200
    assert service.last_call(query)[1]["at"] == place_at(7)
    assert service.mark_waits == [(7, 0)]


@pytest.mark.parametrize(("prefer", "seconds"), [(None, 2.0), ("wait=5", 5.0), ("wait=60", 10.0)])
@pytest.mark.parametrize("path", [EVENTS, STATE])
async def test_a_mark_that_stays_behind_a_token_is_a_problem(
    anonymous: httpx2.AsyncClient,
    service: FakeService,
    path: str,
    prefer: str | None,
    seconds: float,
) -> None:
    service.mark = 6
    headers = {**AUDITOR, "Consistency-Token": token_at(7)}
    headers |= {"Prefer": prefer} if prefer else {}
    response = await anonymous.get(path, headers=headers)
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/projection-behind"
    assert response.headers["Retry-After"] == "1"
    assert service.mark_waits == [(7, 0), (7, seconds)]
    assert service.calls == []


@pytest.mark.parametrize(
    "token", ["nonsense", encode_consistency_token(LogPosition(1, 1)), token_at(HEAD + 1)]
)
async def test_a_token_that_the_log_never_gave_is_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, token: str
) -> None:
    for path in (ALL, EVENTS, STATE):
        response = await anonymous.get(path, headers={**AUDITOR, "Consistency-Token": token})
        assert response.status_code == 400
        assert response.json()["type"] == "/problems/bad-consistency-token"
    assert {name for name, *_ in service.calls} <= {"all_connections"}


async def test_a_version_beyond_the_mark_can_be_requested_again(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["state_at"] = LogNotSettled()
    response = await anonymous.get(STATE, params={"version": "2"}, headers=AUDITOR)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
