"""Who gets in, and exactly how the others are told."""

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker, asking

CHALLENGE = 'Bearer realm="canvas-lms"'
DENIED = (
    b'{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}'
)


async def test_a_token_may_come_as_a_parameter(ask: Asker) -> None:
    token = ask.sandbox.tokens[1]["token"]

    told = await ask(f"/users/self?access_token={token}", token=None)

    assert str(told.json["id"]) == ask.sandbox.tokens[1]["user_id"]


async def test_the_scheme_is_spelt_exactly_bearer(ask: Asker) -> None:
    token = ask.sandbox.tokens[0]["token"]

    told = await ask("/users/self", token=None, Authorization=f"bearer {token}")

    assert told.status == 401
    assert told.json["status"] == "unauthenticated"


async def test_without_a_token(ask: Asker) -> None:
    told = await ask("/courses", token=None)

    assert (told.status, told.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert told.body == (
        b'{"status":"unauthenticated","errors":[{"message":"user authorization required"}]}'
    )


async def test_with_a_token_of_nobody(ask: Asker) -> None:
    told = await ask("/courses", token="7752~nonsense")

    assert (told.status, told.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert told.body == b'{"errors":[{"message":"Invalid access token."}]}'


async def test_a_revoked_token_and_its_return(ask: Asker) -> None:
    ask.sandbox.control.revoke_token(student=0)

    told = await ask("/courses")

    assert (told.status, told.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert told.body == b'{"errors":[{"message":"Revoked access token."}]}'
    assert (await ask("/courses", student=1)).status == 200
    ask.sandbox.control.restore_token(student=0)
    assert (await ask("/courses")).status == 200


async def test_an_expired_token_says_since_when(ask: Asker) -> None:
    ask.sandbox.control.expire_token(student=0)

    told = await ask("/courses")

    assert (told.status, told.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert told.body == (
        b'{"errors":[{"message":"Expired access token.","expired_at":"2026-10-15T15:00:00Z"}]}'
    )


async def test_a_token_out_of_scope_is_not_challenged(ask: Asker) -> None:
    ask.sandbox.control.limit_scopes(["/users/"], student=0)

    told = await ask("/courses")

    assert (await ask("/users/self")).status == 200
    assert told.status == 401
    assert "WWW-Authenticate" not in told.headers
    assert told.body == b'{"errors":[{"message":"Insufficient scopes on access token."}]}'


async def test_nobody_acts_as_somebody_else(ask: Asker) -> None:
    told = await ask("/users/self?as_user_id=5002")

    assert (told.status, told.body) == (401, b'{"errors":"Invalid as_user_id"}')


@pytest.mark.parametrize("status", [403, 401])
async def test_what_a_student_may_not_see_is_denied_without_a_challenge(status: int) -> None:
    async with asking(denial_status=status) as ask:
        restricted = next(item for item in await ask.courses() if "name" not in item)

        told = await ask(f"/courses/{restricted['id']}/assignment_groups")

    assert (told.status, told.body) == (status, DENIED)
    assert "WWW-Authenticate" not in told.headers


async def test_somebody_elses_user_is_denied(ask: Asker) -> None:
    other = ask.sandbox.tokens[1]["user_id"]

    assert (await ask(f"/users/{other}/enrollments")).status == 403
    assert (await ask("/users/999/enrollments")).status == 404


@pytest.mark.parametrize("path", ["/courses/987654", "/courses/1001/assignments/1"])
async def test_what_does_not_exist(ask: Asker, path: str) -> None:
    told = await ask(path)

    assert told.status == 404
    assert told.body == b'{"errors":[{"message":"The specified resource does not exist."}]}'


async def test_only_gets_and_only_known_paths(ask: Asker) -> None:
    expected = b'{"errors":[{"message":"An error occurred.","error_code":"not_found"}]}'
    headers = {"Authorization": f"Bearer {ask.sandbox.tokens[0]['token']}"}

    told = await ask("/conversations")
    async with ask.session.post(f"{ask.sandbox.url}/api/v1/courses", headers=headers) as answer:
        posted = (answer.status, await answer.read())

    assert (told.status, told.body) == posted == (404, expected)


async def test_a_student_may_have_two_tokens(ask: Asker) -> None:
    second = ask.sandbox.control.issue_token(student=0)

    told = await ask("/users/self", token=second)

    assert str(told.json["id"]) == ask.sandbox.tokens[0]["user_id"]
