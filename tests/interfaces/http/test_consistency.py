import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.http.consistency import decode_consistency_token, encode_consistency_token
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

READS = {
    "/api/v1/canvas/connections": ("connections",),
    f"/api/v1/canvas/connections/{CONNECTION_ID}": ("connections",),
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
def test_a_token_decodes_to_its_position(position: int) -> None:
    assert decode_consistency_token(encode_consistency_token(position)) == position


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_not_a_token(token: str) -> None:
    with pytest.raises(ValueError, match="not a consistency token"):
        decode_consistency_token(token)


async def test_a_command_that_appended_returns_a_token(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    sync = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"
    assert "consistency-token" not in (await ada.post(sync)).headers
    service.appended_position = 41
    response = await ada.post(sync)
    assert decode_consistency_token(response.headers["consistency-token"]) == 41


@pytest.mark.parametrize("path", READS)
async def test_every_read_waits_for_its_projections(
    ada: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    response = await ada.get(path, headers={"Consistency-Token": encode_consistency_token(41)})
    assert response.status_code == 200
    assert service.waits == [(41, READS[path], 2.0)]
    await ada.get(path)
    assert len(service.waits) == 1


@pytest.mark.parametrize(
    ("preference", "seconds"),
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
async def test_the_client_chooses_how_long_to_wait(
    ada: httpx2.AsyncClient, service: FakeService, preference: str, seconds: float
) -> None:
    headers = {"Consistency-Token": encode_consistency_token(1), "Prefer": preference}
    await ada.get("/api/v1/canvas/courses", headers=headers)
    assert service.waits[0][2] == seconds


async def test_a_read_model_that_does_not_catch_up_is_reported(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 40
    response = await ada.get(
        "/api/v1/canvas/courses", headers={"Consistency-Token": encode_consistency_token(41)}
    )
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/projection-behind"
    assert response.headers["retry-after"] == "1"
    assert service.calls == []


async def test_an_invalid_token_is_refused(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.get("/api/v1/canvas/courses", headers={"Consistency-Token": "42"})
    assert response.status_code == 422
    assert response.json()["type"] == "/problems/bad-consistency-token"
    assert service.waits == []
