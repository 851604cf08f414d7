import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.http.consistency import position_of, token_of
from tests.interfaces.http.fake_service import CONNECTION, Told

READS = {
    "/api/v1/canvas/connections": ("connections",),
    f"/api/v1/canvas/connections/{CONNECTION}": ("connections",),
    "/api/v1/canvas/courses": ("courses",),
    "/api/v1/canvas/assignments": ("assignments",),
    "/api/v1/canvas/grades": ("grades",),
    "/api/v1/canvas/grades/history": ("grade_history",),
    "/api/v1/canvas/data": ("connections", "courses", "assignments", "grades"),
    "/api/v1/sync/logs": ("sync_log",),
    "/api/v1/sync/status": ("sync_log",),
    "/api/v1/dashboard/stats": ("dashboard_stats",),
}


@given(st.integers(0, 2**63 - 1))
def test_a_token_says_its_position(position: int) -> None:
    assert position_of(token_of(position)) == position


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="no token"):
        position_of(token)


async def test_a_command_that_appended_answers_with_a_token(
    ada: httpx2.AsyncClient, told: Told
) -> None:
    sync = f"/api/v1/canvas/connections/{CONNECTION}/sync"
    assert "consistency-token" not in (await ada.post(sync)).headers
    told.position = 41
    answer = await ada.post(sync)
    assert position_of(answer.headers["consistency-token"]) == 41


@pytest.mark.parametrize("path", READS)
async def test_every_read_waits_for_its_projections(
    ada: httpx2.AsyncClient, told: Told, path: str
) -> None:
    answer = await ada.get(path, headers={"Consistency-Token": token_of(41)})
    assert answer.status_code == 200
    assert told.waited == [(41, READS[path], 2.0)]
    await ada.get(path)
    assert len(told.waited) == 1


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ("wait=0", 0),
        ("respond-async, Wait = 3", 3),
        ("wait=99", 10),
        ('wait="4"', 4),
        ("wait=soon", 2),
        ("await=9", 2),
    ],
)
async def test_the_client_says_how_long(
    ada: httpx2.AsyncClient, told: Told, prefer: str, seconds: float
) -> None:
    headers = {"Consistency-Token": token_of(1), "Prefer": prefer}
    await ada.get("/api/v1/canvas/courses", headers=headers)
    assert told.waited[0][2] == seconds


async def test_a_read_that_cannot_catch_up_says_so(ada: httpx2.AsyncClient, told: Told) -> None:
    told.come_to = 40
    answer = await ada.get("/api/v1/canvas/courses", headers={"Consistency-Token": token_of(41)})
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/projection-behind"
    assert answer.headers["retry-after"] == "1"
    assert told.asked == []


async def test_a_made_up_token_is_refused(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.get("/api/v1/canvas/courses", headers={"Consistency-Token": "42"})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/bad-consistency-token"
    assert told.waited == []
