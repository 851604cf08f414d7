"""The purpose of a reading: in a header or in the URL, in one form only."""

from typing import Any

import httpx2
import pytest

from tests.dev_tokens import BOB, bearer_headers
from tests.interfaces.http.conftest import ORIGIN
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

AUDITOR = bearer_headers(BOB, "auditor")
LISTS = ("/api/v1/audit/connections", "/api/v1/audit/readings")
HISTORIES = tuple(f"{LISTS[0]}/{CONNECTION_ID}/{view}" for view in ("events", "state"))


def recorded_purpose(service: FakeService) -> str:
    purpose: str = service.last_call("record_history_read")[0][0].purpose
    return purpose


@pytest.mark.parametrize("path", [*LISTS, *HISTORIES])
@pytest.mark.parametrize("sent", [{}, {"Purpose": ""}, {"Purpose": "  "}])
async def test_without_a_purpose_nothing_is_read(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str, sent: dict[str, str]
) -> None:
    response = await anonymous.get(path, headers=AUDITOR | sent)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/purpose-required"
    assert "`Purpose: <text>`" in response.json()["detail"]
    assert "`purpose`" in response.json()["detail"]
    assert service.calls == []


@pytest.mark.parametrize(
    ("header", "purpose"),
    [
        (b"complaint 4711", "complaint 4711"),
        (b"\t review \t", "review"),
        ("Überprüfung".encode(), "Überprüfung"),
        ("Überprüfung".encode("latin-1"), "Überprüfung"),
        (b"%C3%9Cberpr%C3%BCfung", "Überprüfung"),
        (b"half of 100 % done", "half of 100 % done"),
        (b"%ff is no UTF-8", "%ff is no UTF-8"),
    ],
)
async def test_the_header_may_be_encoded_as_clients_do(
    anonymous: httpx2.AsyncClient, service: FakeService, header: bytes, purpose: str
) -> None:
    headers: Any = [*AUDITOR.items(), (b"Purpose", header)]
    assert (await anonymous.get(HISTORIES[0], headers=headers)).status_code == 200
    assert recorded_purpose(service) == purpose


async def test_the_purpose_may_be_in_the_url(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    parameters = {"purpose": " 苦情 "}
    response = await anonymous.get(HISTORIES[0], params=parameters, headers=AUDITOR)
    assert response.status_code == 200
    assert recorded_purpose(service) == "苦情"


async def test_the_same_purpose_may_be_sent_twice(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    headers = AUDITOR | {"Purpose": " review"}
    response = await anonymous.get(HISTORIES[0], params={"purpose": "review "}, headers=headers)
    assert response.status_code == 200
    assert recorded_purpose(service) == "review"


async def test_two_different_purposes_are_refused(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    both = AUDITOR | {"Purpose": "review"}
    response = await anonymous.get(HISTORIES[0], params={"purpose": "complaint"}, headers=both)
    two: Any = [*AUDITOR.items(), ("Purpose", "review"), ("Purpose", "complaint")]
    for refused in (response, await anonymous.get(HISTORIES[0], headers=two)):
        assert refused.status_code == 400
        assert "two different purposes" in refused.json()["detail"]
    assert service.calls == []


@pytest.mark.parametrize("text", ["a%0Ab", "a%E2%80%AEb", "a%EF%BF%BDb", "x" * 201])
async def test_a_purpose_that_people_cannot_read_is_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, text: str
) -> None:
    in_header = await anonymous.get(HISTORIES[0], headers=AUDITOR | {"Purpose": text})
    in_url = await anonymous.get(f"{HISTORIES[0]}?purpose={text}", headers=AUDITOR)
    for response, loc in ((in_header, ["header", "Purpose"]), (in_url, ["query", "purpose"])):
        assert response.status_code == 422
        [error] = response.json()["errors"]
        assert (error["loc"], error["type"]) == (loc, "purpose_invalid")
        assert error["msg"].startswith("must")
    assert service.calls == []


async def test_bytes_in_the_url_that_are_no_text_are_refused(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(f"{HISTORIES[0]}?purpose=a%ffb", headers=AUDITOR)
    assert response.status_code == 422
    assert response.json()["errors"][0]["msg"] == "must be text in UTF-8"
    assert service.calls == []


async def test_a_role_is_required_before_a_purpose(anonymous: httpx2.AsyncClient) -> None:
    for path in (*LISTS, *HISTORIES):
        assert (await anonymous.get(path, headers=bearer_headers(BOB))).status_code == 403
        assert (await anonymous.get(path)).status_code == 401


async def test_a_page_of_another_origin_may_send_the_header(anonymous: httpx2.AsyncClient) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,purpose",
    }
    response = await anonymous.options(HISTORIES[0], headers=headers)
    assert response.status_code == 200
    assert "Purpose" in response.headers["access-control-allow-headers"]


async def test_the_openapi_document_has_both_places(anonymous: httpx2.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    shown = [
        (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if any(each["name"] == "Purpose" for each in operation.get("parameters", ()))
    ]
    templates = {path.replace(str(CONNECTION_ID), "{connection_id}") for path in HISTORIES}
    assert {path for path, _ in shown} >= {*LISTS, *templates}
    for path, operation in shown:
        places = {
            each["in"] for each in operation["parameters"] if each["name"].lower() == "purpose"
        }
        assert places == {"header", "query"}, path
        assert "purpose-required" in operation["responses"]["400"]["description"], path
