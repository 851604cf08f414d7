from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest

from domain.errors import ConnectionNotFound
from tests.dev_tokens import ADA, BOB, bearer
from tests.interfaces.http.fake_service import CONNECTION, Told

ALL = "/api/v1/audit/connections"
EVENTS, STATE = f"{ALL}/{CONNECTION}/events", f"{ALL}/{CONNECTION}/state"
AUDITOR = bearer(BOB, "auditor")
SINCE = datetime(2026, 9, 1, tzinfo=UTC)


async def test_events_and_the_record_of_reading_them(
    stranger: httpx2.AsyncClient, told: Told
) -> None:
    params = {
        "type": "GradeChanged,CourseFetched",
        "since": "2026-09-01T00:00:00Z",
        "after_version": "3",
        "limit": "2",
    }
    answer = await stranger.get(EVENTS, params=params, headers=AUDITOR)
    assert answer.json()["items"] == [{"position": 1, "type": "ConnectionOpened"}]
    assert told.last("history") == (
        (CONNECTION,),
        {
            "types": frozenset({"GradeChanged", "CourseFetched"}),
            "since": SINCE,
            "until": None,
            "after_version": 3,
            "cursor": None,
            "limit": 2,
        },
    )
    what = f"events type=CourseFetched,GradeChanged since={SINCE} after_version=3"
    assert told.last("record_reading")[0] == (CONNECTION, str(BOB), what)


@pytest.mark.parametrize(
    ("params", "as_of", "version"),
    [
        ({}, None, None),
        ({"as_of": "2026-09-01T00:00:00Z"}, SINCE, None),
        ({"version": "0"}, None, 0),
    ],
)
async def test_state(
    stranger: httpx2.AsyncClient,
    told: Told,
    params: dict[str, str],
    as_of: datetime | None,
    version: int | None,
) -> None:
    answer = await stranger.get(STATE, params=params, headers=AUDITOR)
    assert answer.json()["connection"]["id"] == str(CONNECTION)
    assert told.last("state_at") == ((CONNECTION,), {"as_of": as_of, "version": version})
    assert told.last("record_reading")[0][2].startswith("state")


async def test_a_point_in_history_has_one_name(stranger: httpx2.AsyncClient, told: Told) -> None:
    params = {"as_of": "2026-09-01T00:00:00Z", "version": "1"}
    answer = await stranger.get(STATE, params=params, headers=AUDITOR)
    assert answer.status_code == 422
    assert told.asked == []


async def test_an_unknown_type_is_named(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.get(EVENTS, params={"type": "Nonsense"}, headers=AUDITOR)
    assert answer.status_code == 422
    assert "ConnectionOpened, TokenRotated" in answer.json()["errors"][0]["msg"]


async def test_what_cannot_be_recorded_is_not_shown(
    stranger: httpx2.AsyncClient, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: UUID, __: str, ___: str) -> None:
        raise ConnectionNotFound(CONNECTION)

    monkeypatch.setattr(told, "record_reading", fail)
    for path in (EVENTS, STATE):
        answer = await stranger.get(path, headers=AUDITOR)
        assert answer.status_code == 404
        assert "items" not in answer.text


async def test_everybodys_connections(stranger: httpx2.AsyncClient, told: Told) -> None:
    params = {"user_id": str(ADA), "canvas_url": "https://school.instructure.com"}
    answer = await stranger.get(ALL, params=params, headers=AUDITOR)
    assert answer.json()["items"][0]["user_id"] == str(ADA)
    assert told.last("audited_connections")[1] == {
        "user_id": ADA,
        "canvas_url": "https://school.instructure.com",
        "cursor": None,
        "limit": 100,
    }
