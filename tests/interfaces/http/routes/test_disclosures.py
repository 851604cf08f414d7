"""A person lists who has read their data; this is not a reading of another person's data."""

import httpx2

from tests.dev_tokens import ADA
from tests.interfaces.http.fake_reads import token_at
from tests.interfaces.http.fake_service import FakeService

PATH = "/api/v1/me/disclosures"


async def test_a_person_lists_who_has_read_their_data(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.mark = 7
    response = await ada.get(PATH, params={"limit": "2"})
    assert response.json()["items"] == [{"position": 1, "purpose": "complaint"}]
    assert response.headers["Consistency-Token"] == token_at(7)
    assert service.last_call("disclosures_of") == (
        (ADA,),
        {"at": None, "since": None, "cursor": None, "limit": 2},
    )
    assert {name for name, *_ in service.calls} == {"disclosures_of"}


async def test_the_list_is_cheap_to_ask_for_again(ada: httpx2.AsyncClient) -> None:
    first = await ada.get(PATH)
    unchanged = await ada.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert unchanged.status_code == 304
    assert (await ada.get(PATH, params={"purpose": "review"})).status_code == 422
