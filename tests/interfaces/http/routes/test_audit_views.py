"""The routes of views and diffs pass on what was asked for, and record the reading before."""

from datetime import UTC, datetime

import httpx2
import pytest

from application.record_history_read import RecordHistoryRead
from tests.dev_tokens import BOB, bearer_headers
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

CONNECTION = f"/api/v1/audit/connections/{CONNECTION_ID}"
VIEW, DIFF = f"{CONNECTION}/view", f"{CONNECTION}/diff"
PURPOSE = "complaint 4711"
AUDITOR = bearer_headers(BOB, "auditor") | {"Purpose": PURPOSE}
SEPTEMBER, OCTOBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10))


def recorded(what: str) -> RecordHistoryRead:
    return RecordHistoryRead(
        connection_id=CONNECTION_ID, reader=str(BOB), what=what, purpose=PURPOSE
    )


async def test_a_view_is_read_at_a_time_and_recorded_once(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(VIEW, params={"as_of": "2026-09-01"}, headers=AUDITOR)
    assert response.status_code == 200
    document = response.json()
    assert {"courses", "assignments", "grades", "dashboard", "connection"} <= document.keys()
    assert document["as_of"] == "2026-09-01T00:00:00Z"
    assert service.last_call("view_at") == ((CONNECTION_ID,), {"at": None, "as_of": SEPTEMBER})
    what = "view as_of=2026-09-01T00:00:00Z"
    assert service.last_call("record_history_read")[0] == (recorded(what),)
    again = await anonymous.get(
        VIEW,
        params={"as_of": "2026-09-01"},
        headers=AUDITOR | {"If-None-Match": response.headers["ETag"]},
    )
    assert again.status_code == 304


async def test_a_diff_is_read_between_two_times_and_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    params = {"from": "2026-09-01T00:00:00Z", "to": "2026-10-01T02:00:00+02:00"}
    response = await anonymous.get(DIFF, params=params, headers=AUDITOR)
    assert response.status_code == 200
    times = {"at": None, "since": SEPTEMBER, "until": OCTOBER}
    assert service.last_call("diff") == ((CONNECTION_ID,), times)
    what = "diff from=2026-09-01T00:00:00Z to=2026-10-01T00:00:00Z"
    assert service.last_call("record_history_read")[0] == (recorded(what),)


@pytest.mark.parametrize(
    ("path", "params", "purpose", "status"),
    [
        (DIFF, {}, PURPOSE, 422),
        (DIFF, {"from": "2026-09-02", "to": "2026-09-01"}, PURPOSE, 422),
        (VIEW, {"as_of": "yesterday"}, PURPOSE, 422),
        (VIEW, {}, "", 400),
        (DIFF, {"from": "2026-09-02"}, "", 400),
    ],
)
async def test_a_wrong_request_is_refused(
    anonymous: httpx2.AsyncClient, path: str, params: dict[str, str], purpose: str, status: int
) -> None:
    headers = bearer_headers(BOB, "auditor") | {"Purpose": purpose}
    response = await anonymous.get(path, params=params, headers=headers)
    assert response.status_code == status
