"""A process with the role `api` serves the console as its settings and a demo decide."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from infrastructure.settings.settings import Settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.run_roles import Listeners, running_roles
from interfaces.http.auth.console_options import ConsoleDemo
from interfaces.http.server.listener import listen, url_of
from tests.dev_tokens import BOB

API = frozenset({"api"})
PAGE = Path(__file__).parents[2] / "interfaces" / "console" / "dist" / "index.html"
DEMO = ConsoleDemo("http://127.0.0.1:9000/sandbox", BOB)


@asynccontextmanager
async def client_of(
    settings: Settings, demo: ConsoleDemo | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser of an API process with these settings."""
    with listen("127.0.0.1", 0) as listener:
        async with (
            bootstrap(settings, API) as process,
            running_roles(process, API, Listeners(api=listener), demo),
            httpx2.AsyncClient(base_url=url_of(listener)) as client,
        ):
            yield client


async def test_a_demo_signs_in_its_own_student(settings: Settings) -> None:
    async with client_of(settings, DEMO) as client:
        page = await client.get("/")
        options = (await client.get("/console/settings")).json()
        origin = str(client.base_url).rstrip("/")
        signed_in = await client.post(
            "/console/tokens", json={"role": "student"}, headers={"Origin": origin}
        )
        bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
        own = await client.get("/api/v1/canvas/courses", headers=bearer)
    assert (page.status_code, page.content) == (200, PAGE.read_bytes())
    assert "connect-src 'self' http://127.0.0.1:9000;" in page.headers["content-security-policy"]
    assert options["sign_in"]["kind"] == "development"
    assert options["demo"] == {"control_url": DEMO.control_url}
    assert signed_in.json()["user_id"] == str(BOB)
    assert (own.status_code, own.json()["items"]) == (200, [])


async def test_a_setting_decides_whether_there_is_a_console(settings: Settings) -> None:
    async with client_of(settings) as client:
        options = (await client.get("/console/settings")).json()
        page = await client.get("/")
    assert options["sign_in"] == {"kind": "token"}
    assert page.status_code == 200
    async with client_of(settings.model_copy(update={"console": "off"})) as client:
        for path in ("/", "/console/settings", "/console/favicon.svg"):
            response = await client.get(path)
            assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
