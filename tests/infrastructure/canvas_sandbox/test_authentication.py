"""Tests of authentication and of the exact error responses."""

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient, open_sandbox_client

CHALLENGE = 'Bearer realm="canvas-lms"'
DENIED_BODY = (
    b'{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}'
)


async def test_a_token_can_be_sent_as_a_parameter(client: SandboxClient) -> None:
    token = client.sandbox.tokens[1]["token"]

    response = await client(f"/users/self?access_token={token}", token=None)

    assert str(response.json["id"]) == client.sandbox.tokens[1]["user_id"]


async def test_the_scheme_must_be_spelled_bearer(client: SandboxClient) -> None:
    token = client.sandbox.tokens[0]["token"]

    response = await client("/users/self", token=None, Authorization=f"bearer {token}")

    assert response.status == 401
    assert response.json["status"] == "unauthenticated"


async def test_a_request_without_a_token_is_challenged(client: SandboxClient) -> None:
    response = await client("/courses", token=None)

    assert (response.status, response.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert response.body == (
        b'{"status":"unauthenticated","errors":[{"message":"user authorization required"}]}'
    )


async def test_an_unknown_token_is_invalid(client: SandboxClient) -> None:
    response = await client("/courses", token="7752~nonsense")

    assert (response.status, response.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert response.body == b'{"errors":[{"message":"Invalid access token."}]}'


async def test_a_revoked_token_can_be_restored(client: SandboxClient) -> None:
    client.sandbox.control.revoke_token(student=0)

    response = await client("/courses")

    assert (response.status, response.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert response.body == b'{"errors":[{"message":"Revoked access token."}]}'
    assert (await client("/courses", student=1)).status == 200
    client.sandbox.control.restore_token(student=0)
    assert (await client("/courses")).status == 200


async def test_an_expired_token_shows_its_expiry_time(client: SandboxClient) -> None:
    client.sandbox.control.expire_token(student=0)

    response = await client("/courses")

    assert (response.status, response.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert response.body == (
        b'{"errors":[{"message":"Expired access token.","expired_at":"2026-10-15T15:00:00Z"}]}'
    )


async def test_a_token_out_of_scope_is_not_challenged(client: SandboxClient) -> None:
    client.sandbox.control.limit_scopes(["/users/"], student=0)

    response = await client("/courses")

    assert (await client("/users/self")).status == 200
    assert response.status == 401
    assert "WWW-Authenticate" not in response.headers
    assert response.body == b'{"errors":[{"message":"Insufficient scopes on access token."}]}'


async def test_masquerading_is_denied(client: SandboxClient) -> None:
    response = await client("/users/self?as_user_id=5002")

    assert (response.status, response.body) == (401, b'{"errors":"Invalid as_user_id"}')


@pytest.mark.parametrize("status", [403, 401])
async def test_a_forbidden_course_is_denied_without_a_challenge(status: int) -> None:
    async with open_sandbox_client(denial_status=status) as client:
        restricted = next(item for item in await client.courses() if "name" not in item)

        response = await client(f"/courses/{restricted['id']}/assignment_groups")

    assert (response.status, response.body) == (status, DENIED_BODY)
    assert "WWW-Authenticate" not in response.headers


async def test_another_user_is_denied(client: SandboxClient) -> None:
    other = client.sandbox.tokens[1]["user_id"]

    assert (await client(f"/users/{other}/enrollments")).status == 403
    assert (await client("/users/999/enrollments")).status == 404


@pytest.mark.parametrize("path", ["/courses/987654", "/courses/1001/assignments/1"])
async def test_an_unknown_record_is_not_found(client: SandboxClient, path: str) -> None:
    response = await client(path)

    assert response.status == 404
    assert response.body == b'{"errors":[{"message":"The specified resource does not exist."}]}'


async def test_other_methods_and_unknown_paths_are_not_found(client: SandboxClient) -> None:
    expected = b'{"errors":[{"message":"An error occurred.","error_code":"not_found"}]}'
    headers = {"Authorization": f"Bearer {client.sandbox.tokens[0]['token']}"}

    response = await client("/conversations")
    async with client.session.post(
        f"{client.sandbox.url}/api/v1/courses", headers=headers
    ) as post_response:
        post_result = (post_response.status, await post_response.read())

    assert (response.status, response.body) == post_result == (404, expected)


async def test_a_student_can_have_two_tokens(client: SandboxClient) -> None:
    second = client.sandbox.control.issue_token(student=0)

    response = await client("/users/self", token=second)

    assert str(response.json["id"]) == client.sandbox.tokens[0]["user_id"]
