"""How a read waits until it includes its token, with a fake service in memory."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.log_position import LogPosition
from interfaces.consistency_token import decode_consistency_token, encode_consistency_token
from tests.dev_tokens import BOB, bearer_headers
from tests.interfaces.http.fake_calendars import CALENDAR_SECRET
from tests.interfaces.http.fake_reads import HEAD, TIMELINE, place_at, token_at
from tests.interfaces.http.fake_service import (
    ASSIGNMENT_ID,
    CONNECTION_ID,
    COURSE_ID,
    SYNC_ID,
    FakeService,
)

COURSES = "/api/v1/canvas/courses"
DATA = "/api/v1/canvas/data"
READS = {
    "/api/v1/canvas/connections": ("connections",),
    f"/api/v1/canvas/connections/{CONNECTION_ID}": ("connections",),
    COURSES: ("courses",),
    f"{COURSES}/{COURSE_ID}": ("courses",),
    "/api/v1/canvas/assignments": ("assignments",),
    f"/api/v1/canvas/assignments/{ASSIGNMENT_ID}": ("assignments",),
    "/api/v1/canvas/grades": ("grades",),
    "/api/v1/canvas/grades/history": ("grade_history",),
    DATA: ("connections", "courses", "assignments", "grades"),
    "/api/v1/sync/logs": ("sync_log",),
    "/api/v1/sync/status": ("sync_log",),
    "/api/v1/dashboard/stats": ("dashboard_stats",),
    f"/calendar/{CALENDAR_SECRET}.ics": ("assignments",),
}


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_token_decodes_to_its_place(timeline: int, position: int) -> None:
    place = LogPosition(timeline, position)
    assert decode_consistency_token(encode_consistency_token(place)) == place


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
    assert response.headers["consistency-token"] == token_at(41)


@pytest.mark.parametrize("path", READS)
async def test_every_read_returns_the_token_of_what_it_shows(
    ada: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    service.projected_position = 41
    response = await ada.get(path)
    assert response.headers["consistency-token"] == token_at(41)
    assert service.reads == [READS[path]]
    service.projected_position = 42
    unchanged = await ada.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (unchanged.status_code, unchanged.headers["consistency-token"]) == (304, token_at(42))


@pytest.mark.parametrize("path", READS)
async def test_every_read_waits_for_its_read_models(
    ada: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    service.projected_position = 40
    response = await ada.get(path, headers={"Consistency-Token": token_at(41)})
    assert (response.status_code, response.headers["consistency-token"]) == (200, token_at(41))
    [(position, models, seconds)] = service.waits
    assert (position, models) == (41, tuple(sorted(READS[path])))
    assert 1.5 < seconds <= 2.0
    assert len(service.reads) == 2, "what was read before the wait is not returned"
    assert service.checked_places == [place_at(41)]
    await ada.get(path, headers={"Consistency-Token": token_at(41)})
    assert len(service.waits) == len(service.checked_places) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/canvas/connections", 200),
        (f"/api/v1/canvas/connections/{CONNECTION_ID}", 404),
        (f"{COURSES}/{SYNC_ID}", 404),
        (f"/api/v1/canvas/assignments/{SYNC_ID}", 404),
    ],
)
async def test_a_read_of_nothing_has_a_token(
    anonymous: httpx2.AsyncClient, path: str, status: int
) -> None:
    response = await anonymous.get(path, headers=bearer_headers(BOB))
    assert response.status_code == status
    assert response.headers["consistency-token"] == token_at(HEAD)


@pytest.mark.parametrize(
    ("preference", "seconds"),
    [
        ("wait=5", 5),
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
    service.projected_position = 0
    headers = {"Consistency-Token": token_at(1), "Prefer": preference}
    await ada.get(COURSES, headers=headers)
    assert seconds - 1 < service.waits[0][2] <= seconds


async def test_a_client_that_does_not_want_to_wait_gets_an_answer_at_once(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 0
    headers = {"Consistency-Token": token_at(1), "Prefer": "wait=0"}
    assert (await ada.get(COURSES, headers=headers)).status_code == 503
    assert service.waits == []
    service.projected_position = 1
    assert (await ada.get(COURSES, headers=headers)).status_code == 200


async def test_a_read_model_that_does_not_catch_up_is_reported(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position, service.catches_up = 40, False
    response = await ada.get(COURSES, headers={"Consistency-Token": token_at(41)})
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/projection-behind"
    assert response.headers["retry-after"] == "1"
    assert (len(service.reads), len(service.waits)) == (2, 1)


async def test_a_read_that_is_not_of_one_moment_is_repeated(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.torn_reads = 2
    response = await ada.get(DATA)
    assert (response.status_code, response.headers["consistency-token"]) == (200, token_at(HEAD))
    assert service.reads == [READS[DATA]] * 3
    assert [(position, models) for position, models, _ in service.waits] == [
        (0, tuple(sorted(READS[DATA])))
    ] * 2
    service.torn_reads, service.catches_up = 99, False
    refused = await ada.get(DATA)
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/projection-behind")
    detail = refused.json()["detail"]
    assert "not at one position" in detail
    assert "an admin must resume it" in detail
    assert "Consistency-Token" not in detail


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "place",
    [LogPosition(TIMELINE, HEAD + 1), LogPosition(TIMELINE + 1, 1)],
    ids=["beyond", "other"],
)
async def test_a_place_that_the_log_does_not_have_is_refused(
    ada: httpx2.AsyncClient, service: FakeService, path: str, place: LogPosition
) -> None:
    headers = {"Consistency-Token": encode_consistency_token(place)}
    response = await ada.get(path, headers=headers)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/bad-consistency-token"
    assert service.waits == []


async def test_a_token_of_an_earlier_timeline_is_compared_by_position(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 40
    service.known_timelines.add(6999)
    headers = {"Consistency-Token": encode_consistency_token(LogPosition(6999, 40))}
    response = await ada.get(COURSES, headers=headers)
    assert (response.status_code, response.headers["consistency-token"]) == (200, token_at(40))
    assert service.waits == []
    later = {"Consistency-Token": encode_consistency_token(LogPosition(6999, 41))}
    assert (await ada.get(COURSES, headers=later)).headers["consistency-token"] == token_at(41)
    assert len(service.waits) == 1


async def test_a_restore_during_the_wait_is_noticed(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position = 40
    service.timeline_after_wait = TIMELINE + 1
    response = await ada.get(COURSES, headers={"Consistency-Token": token_at(41)})
    assert response.json()["type"] == "/problems/bad-consistency-token"
    assert len(service.checked_places) == 2


async def test_an_invalid_token_is_refused(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.get(COURSES, headers={"Consistency-Token": "42"})
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/bad-consistency-token"
    assert service.calls == []
