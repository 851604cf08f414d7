"""A reading is recorded before it is shown, and once for a page that is read again unchanged."""

import httpx2
import psycopg
import pytest

from domain.errors import ConnectionNotFound
from infrastructure.postgres.errors import DatabaseReadOnly
from interfaces.queries.history_pages import LogNotSettled
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

LIST = "/api/v1/audit/connections"
READINGS = "/api/v1/audit/readings"
EVENTS, STATE = f"{LIST}/{CONNECTION_ID}/events", f"{LIST}/{CONNECTION_ID}/state"
QUERY_BY_PATH = {
    LIST: "all_connections",
    READINGS: "readings",
    EVENTS: "history",
    STATE: "state_at",
}
BY_PATH = pytest.mark.parametrize("path", QUERY_BY_PATH)
AUDITOR = bearer_headers(BOB, "auditor") | {"Purpose": "complaint"}


def recorded(service: FakeService) -> list[str]:
    """Return which readings were recorded."""
    return [
        arguments[0].what
        for name, arguments, _ in service.calls
        if name in {"record_history_read", "record_list_read"}
    ]


@BY_PATH
async def test_a_page_read_again_with_its_etag_is_recorded_once(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    first = await anonymous.get(path, headers=AUDITOR)
    again = AUDITOR | {"If-None-Match": f'"other", {first.headers["ETag"]}'}
    for _ in range(3):
        unchanged = await anonymous.get(path, headers=again)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert len(recorded(service)) == 1
    assert (await anonymous.get(path, headers=AUDITOR)).status_code == 200
    assert len(recorded(service)) == 2


@BY_PATH
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", bearer_headers(ADA, "auditor")),
        ("", {"Purpose": "curiosity"}),
        ("?limit=7", {}),
        ("?purpose=complaint", {}),
    ],
    ids=["another reader", "another purpose", "another page", "another URL"],
)
async def test_an_etag_belongs_to_one_reader_one_purpose_and_one_url(
    anonymous: httpx2.AsyncClient,
    service: FakeService,
    path: str,
    query: str,
    headers: dict[str, str],
) -> None:
    if path == STATE:
        query = query.replace("limit", "version")
    first = await anonymous.get(path, headers=AUDITOR)
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await anonymous.get(path + query, headers=AUDITOR | headers | known)).status_code == 200
    assert len(recorded(service)) == 2


@BY_PATH
async def test_an_etag_that_matches_everything_hides_no_reading(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    response = await anonymous.get(path, headers=AUDITOR | {"If-None-Match": "*"})
    assert (response.status_code, response.content) == (304, b"")
    assert len(recorded(service)) == 1


@BY_PATH
@pytest.mark.parametrize(
    "error",
    [DatabaseReadOnly("read-only"), psycopg.OperationalError("the server closed the connection")],
    ids=["read-only", "unavailable"],
)
async def test_nothing_is_shown_that_cannot_be_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str, error: Exception
) -> None:
    first = await anonymous.get(path, headers=AUDITOR)
    for name in ("record_history_read", "record_list_read"):
        service.error_by_name[name] = error
    response = await anonymous.get(path, headers=AUDITOR)
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/database-unavailable"
    assert response.headers["Retry-After"]
    assert "ETag" not in response.headers
    known = AUDITOR | {"If-None-Match": first.headers["ETag"]}
    assert (await anonymous.get(path, headers=known)).status_code == 304, "read before"


@pytest.mark.parametrize("path", [EVENTS, STATE])
@pytest.mark.parametrize(
    ("refusal", "status"), [(ConnectionNotFound(CONNECTION_ID), 404), (LogNotSettled(), 503)]
)
async def test_a_refusal_is_recorded_too(
    anonymous: httpx2.AsyncClient,
    service: FakeService,
    path: str,
    refusal: Exception,
    status: int,
) -> None:
    service.error_by_name[QUERY_BY_PATH[path]] = refusal
    assert (await anonymous.get(path, headers=AUDITOR)).status_code == status
    assert len(recorded(service)) == 1


@pytest.mark.parametrize("path", [EVENTS])
async def test_the_etag_depends_on_the_basis_of_a_page_if_it_has_one(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    tags = []
    for basis in (b"1", b"1", b"2", None):
        service.basis = basis
        for encoding in ("gzip", "identity"):
            headers = AUDITOR | {"Accept-Encoding": encoding}
            response = await anonymous.get(path, headers=headers)
            tags.append(response.headers["ETag"])
    assert tags[0] == tags[1] == tags[2] == tags[3] != tags[4] == tags[5]
    assert [tag.startswith("W/") for tag in tags] == 6 * [True] + 2 * [False]
    assert tags[6] == tags[7] not in tags[:6]


async def test_a_head_request_is_a_reading_too(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    assert (await anonymous.head(STATE, headers=AUDITOR)).status_code == 200
    assert recorded(service) == ["state"]


async def test_what_an_auditor_searches_for_is_not_recorded(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    parameters = {"q": "Lovelace", "status": "closed"}
    assert (await anonymous.get(LIST, params=parameters, headers=AUDITOR)).status_code == 200
    assert recorded(service) == ["connections status=closed q=…"]
    assert service.last_call("all_connections")[1]["q"] == "Lovelace"
