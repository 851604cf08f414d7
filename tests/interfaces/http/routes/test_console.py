"""The page of the console and its files: caching, compression, names, and where there is none."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings.settings import Settings, read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.console_options import ConsoleOptions
from tests.dev_tokens import SECRET
from tests.interfaces.http.console_build import FILES, PAGE, SCRIPT, SCRIPT_NAME, STYLE_NAME
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.loopback_server import serve_on_loopback

IDENTITY = {"Accept-Encoding": "identity"}
IMMUTABLE = "public, max-age=31536000, immutable"
SERVED = [name for name in FILES if name not in {"index.html", "notes.unknown"}]


def settings_of(**values: str) -> Settings:
    return read_settings(_env_file=None, **values)


@asynccontextmanager
async def client_of(console: ConsoleOptions | None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application with this console."""
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(
            FakeService().as_service(),
            settings_of(),
            authenticator=authenticator,
            console_options=console,
        )
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def test_the_page_is_at_the_root_and_always_checked(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get("/", headers=IDENTITY)
    assert (response.status_code, response.text) == (200, PAGE)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    unchanged = await anonymous.get("/", headers={"If-None-Match": response.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", SERVED)
async def test_a_file_has_its_media_type_and_may_be_kept(
    anonymous: httpx2.AsyncClient, name: str
) -> None:
    response = await anonymous.get(f"/console/{name}", headers=IDENTITY)
    assert (response.status_code, response.text) == (200, FILES[name])
    media_types = {
        SCRIPT_NAME: "text/javascript; charset=utf-8",
        STYLE_NAME: "text/css; charset=utf-8",
    }
    assert response.headers["content-type"] == media_types.get(name, "image/svg+xml")
    is_hashed = name in media_types
    cache_control = IMMUTABLE if is_hashed else "public, max-age=3600"
    assert response.headers["cache-control"] == cache_control


async def test_the_client_decides_whether_a_file_is_compressed(app: FastAPI) -> None:
    path = f"/console/{SCRIPT_NAME}"
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        async with client.stream("GET", path, headers={"Accept-Encoding": "br, gzip"}) as sent:
            raw = b"".join([chunk async for chunk in sent.aiter_raw()])
        plain = await client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert (sent.headers["content-encoding"], sent.headers["vary"]) == (
        "gzip",
        "Accept-Encoding, Origin",
    )
    assert gzip.decompress(raw).decode() == plain.text == SCRIPT
    assert int(sent.headers["content-length"]) == len(raw) < len(plain.content)
    assert "content-encoding" not in plain.headers
    assert sent.headers["etag"] == f"W/{plain.headers['etag']}"


async def test_head_has_the_headers_without_the_body(app: FastAPI) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        for path in ("/", f"/console/{SCRIPT_NAME}", "/console/settings"):
            got = await client.get(path)
            headed = await client.head(path)
            assert (headed.status_code, headed.content) == (200, b"")
            assert headed.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    "path",
    [
        "/console",
        "/console/",
        "/console/index.html",
        "/console/notes.unknown",
        "/console/inner.js",
        "/console/app.js",
        "/console/..%2f..%2f__init__.py",
        "/console/%2e%2e/%2e%2e/__init__.py",
        "/console/../../service.py",
        "/console/%5c..%5cservice.py",
        "/anything",
    ],
)
async def test_no_other_name_is_served(app: FastAPI, path: str) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient() as client:
        response = await client.get(base + path, headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/console/settings", f"/console/{SCRIPT_NAME}"])
async def test_without_a_console_its_paths_are_unknown_ones(path: str) -> None:
    async with client_of(None) as client:
        found, unknown = await client.get(path), await client.get("/anything")
    assert found.status_code == unknown.status_code == 404
    assert found.json()["detail"] == unknown.json()["detail"]
    policies = {each.headers["content-security-policy"] for each in (found, unknown)}
    assert policies == {"default-src 'none'; frame-ancestors 'none'"}


async def test_an_installation_without_the_files_answers_with_a_problem(tmp_path: Path) -> None:
    async with client_of(ConsoleOptions(folder=tmp_path / "missing")) as client:
        response = await client.get("/")
        assert response.status_code == 404
        assert "not part of this installation" in response.json()["detail"]
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/console/settings")).status_code == 200
