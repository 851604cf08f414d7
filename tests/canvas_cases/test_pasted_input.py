"""Addresses and tokens are taken as people paste them."""

import pytest

from tests.canvas_cases.conftest import School

TAILS = (
    "/profile/settings", "/api/v1", "/api/v1/", "/courses/123", "/?login_success=1", "//", " ",
    "/courses/123/assignments/5?module_item_id=3#comments", "/login/canvas", "?x=y", "#top",
    "/courses/1/files?preview=2&sort=name",
)  # fmt: skip
TOKEN_FORMS = (
    '"%s"', "'%s'", "Bearer %s", "\u201c%s\u201d", " \t%s\r\n", "\u200b%s\u200b", "\ufeff%s",
    "\u00a0%s\u00a0", '"Bearer %s" ', "Authorization: Bearer %s", "<%s>", "`%s`",
)  # fmt: skip


async def test_any_address_on_the_canvas_is_accepted(school: School) -> None:
    for tail in TAILS:
        token = school.add([]).token
        _, response = await school.set_up(canvas_url=school.url + tail, api_token=token)
        assert response.status == 201, (tail, response.body)
        assert response.json["connection"]["canvas_url"] == school.url


async def test_what_stands_around_a_token_is_removed(school: School) -> None:
    for form in TOKEN_FORMS:
        token = form % school.add([]).token
        _, response = await school.set_up(canvas_url=school.url, api_token=token)
        assert response.status == 201, (form, response.body)


@pytest.mark.parametrize("name", [None, "My school"])
async def test_the_name_of_a_canvas_is_its_host_by_default(
    school: School, name: str | None
) -> None:
    body = {"canvas_url": school.url, "api_token": school.add([]).token}
    _, response = await school.set_up(**body, **({"canvas_name": name} if name else {}))
    shown = response.json["connection"]["canvas_name"]
    assert shown == (name or school.url.removeprefix("http://"))
