"""How people sign in to the console, and who can get a development token."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.console_options import (
    ADMIN_ID,
    AUDITOR_ID,
    ConsoleOptions,
    DevelopmentSignIn,
    SupabaseSignIn,
)
from tests.dev_tokens import ADA, BOB, SECRET
from tests.interfaces.http.console_build import sign_test_token
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.routes.test_console import client_of, settings_of
from tests.interfaces.loopback_server import serve_on_loopback

DEVELOPMENT = DevelopmentSignIn(sign_test_token, ADA)
SUPABASE = SupabaseSignIn("https://abc.supabase.co", "sb_publishable_abc")
OWN_PAGE = {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"}


async def settings_for(console: ConsoleOptions, **headers: str) -> dict[str, object]:
    async with client_of(console) as client:
        response = await client.get("/console/settings", headers={"Host": "localhost"} | headers)
    assert response.headers["cache-control"] == "no-cache"
    document: dict[str, object] = response.json()
    return document


async def test_the_settings_have_the_way_to_sign_in() -> None:
    roles = ["student", "auditor", "admin"]
    development = await settings_for(ConsoleOptions(development=DEVELOPMENT))
    assert development["sign_in"] == {"kind": "development", "roles": roles}
    assert development["demo"] is None
    assert development["version"]
    supabase = await settings_for(ConsoleOptions(supabase=SUPABASE))
    assert supabase["sign_in"] == {
        "kind": "supabase",
        "url": "https://abc.supabase.co",
        "anon_key": "sb_publishable_abc",
    }
    assert (await settings_for(ConsoleOptions()))["sign_in"] == {"kind": "token"}


async def test_the_settings_of_a_demo_have_the_control_api_of_its_sandbox() -> None:
    console = ConsoleOptions(development=DEVELOPMENT, control_url="http://127.0.0.1:9000/sandbox")
    document = await settings_for(console)
    assert document["demo"] == {"control_url": "http://127.0.0.1:9000/sandbox"}


async def test_development_is_offered_only_on_the_machine_of_the_service() -> None:
    console = ConsoleOptions(development=DEVELOPMENT)
    for headers in ({"Host": "easeboard.school.edu"}, {"X-Forwarded-For": "192.0.2.1"}):
        assert (await settings_for(console, **headers))["sign_in"] == {"kind": "token"}


@pytest.mark.parametrize(
    ("role", "user_id"), [("student", ADA), ("auditor", AUDITOR_ID), ("admin", ADMIN_ID)]
)
async def test_the_page_gets_a_token_that_the_service_accepts(
    app: FastAPI, role: str, user_id: UUID
) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        response = await client.post(
            "/console/tokens", json={"role": role}, headers={"Origin": base}
        )
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        document = response.json()
        assert document.keys() == {"token", "expires_at", "user_id", "role"}
        assert (document["user_id"], document["role"]) == (str(user_id), role)
        expires_at = datetime.fromisoformat(document["expires_at"])
        assert timedelta(hours=11) < expires_at - datetime.now(UTC) <= timedelta(hours=12)
        bearer = {"Authorization": f"Bearer {document['token']}"}
        admin = await client.get("/api/v1/admin/projections", headers=bearer)
        audit = await client.get("/api/v1/audit/key", headers=bearer)
        own = await client.get("/api/v1/canvas/courses", headers=bearer)
    assert admin.is_success == (role == "admin")
    assert audit.is_success == (role != "student")
    assert own.is_success


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1.evil.example", "Origin": "http://127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example", "Origin": "http://localhost.evil.example"},
        {"Host": "192.0.2.1", "Origin": "http://192.0.2.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": "http"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
async def test_no_other_page_and_no_proxy_gets_a_token(
    console_folder: Path, headers: dict[str, str]
) -> None:
    console = ConsoleOptions(development=DEVELOPMENT, folder=console_folder)
    async with client_of(console) as client:
        path, body = "/console/tokens", {"role": "admin"}
        assert (await client.post(path, json=body, headers=OWN_PAGE)).status_code == 200
        refused = await client.post(path, json=body, headers=OWN_PAGE | headers)
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-found")
    assert "token" not in refused.json()


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.7", "2001:db8::1", "::ffff:192.0.2.1"])
async def test_no_other_machine_gets_a_token(peer: str) -> None:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(
            FakeService().as_service(),
            settings_of(),
            authenticator=authenticator,
            console_options=ConsoleOptions(development=DEVELOPMENT),
        )
        transport = httpx2.ASGITransport(app, client=(peer, 50000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            options = {"json": {"role": "student"}, "headers": OWN_PAGE}
            refused = await client.post("/console/tokens", **options)  # type: ignore[arg-type]  # json and headers
            offered = await client.get("/console/settings", headers=OWN_PAGE)
    assert refused.status_code == 404
    assert offered.json()["sign_in"] == {"kind": "token"}


@pytest.mark.parametrize("console", [ConsoleOptions(), ConsoleOptions(supabase=SUPABASE)])
async def test_there_are_no_tokens_where_they_are_not_for_development(
    console: ConsoleOptions,
) -> None:
    async with client_of(console) as client:
        refused = await client.post("/console/tokens", json={"role": "admin"}, headers=OWN_PAGE)
    assert refused.status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"role": "root"}, {"role": "admin", "user_id": str(BOB)}, {"role": ["admin"]}, []],
    ids=str,
)
async def test_only_a_known_role_can_be_requested(body: object) -> None:
    async with client_of(ConsoleOptions(development=DEVELOPMENT)) as client:
        refused = await client.post("/console/tokens", json=body, headers=OWN_PAGE)
        large = await client.post("/console/tokens", content=b"x" * 70_000, headers=OWN_PAGE)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")
    assert large.status_code == 413


async def test_a_form_of_another_page_cannot_request_a_token() -> None:
    async with client_of(ConsoleOptions(development=DEVELOPMENT)) as client:
        text = OWN_PAGE | {"Content-Type": "text/plain"}
        refused = await client.post("/console/tokens", content='{"role":"admin"}', headers=text)
    assert refused.status_code == 422


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "127.8.9.1"])
async def test_every_loopback_name_of_the_page_is_accepted(host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    async with client_of(ConsoleOptions(development=DEVELOPMENT)) as client:
        response = await client.post("/console/tokens", json={"role": "student"}, headers=headers)
        without_origin = {name: text for name, text in headers.items() if name != "Origin"}
        other = await client.post(
            "/console/tokens", json={"role": "student"}, headers=without_origin
        )
    assert (response.status_code, other.status_code) == (200, 200)
