"""The example application compiles, and its page shows a grade as soon as it changes."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import expect

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from tests.browser.chromium import WAIT_MS, new_page, running_chromium
from tests.dev_tokens import token_of
from tests.end_to_end.conftest import running_service
from tests.end_to_end.node_scripts import NPM, run_node
from tests.generate_documents import ROOT

APP = Path("examples") / "study-app"
CLIENT = Path("interfaces") / "http" / "typescript"
COMPILER = Path("node_modules") / "typescript" / "bin" / "tsc"
IGNORED = shutil.ignore_patterns("node_modules", "dist")
PHONE_WIDTH = 390


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the application in a repository that has only it and the client, built."""
    root = tmp_path_factory.mktemp("study-app")
    for folder in (APP, CLIENT):
        shutil.copytree(ROOT / folder, root / folder, ignore=IGNORED)
    asyncio.run(run_node(root / APP, NPM, "ci"))
    asyncio.run(run_node(root / APP, "build.mjs"))
    return root / APP


async def test_the_application_compiles(app_folder: Path) -> None:
    await run_node(app_folder, COMPILER)


async def test_a_grade_appears_on_the_page_when_it_changes(
    app_folder: Path, settings: Settings, sandbox: Sandbox
) -> None:
    async with (
        served_files(app_folder / "dist") as origin,
        running_service(settings.model_copy(update={"cors_origins": (origin,)})) as (_, client),
        running_chromium() as browser,
    ):
        connection = await client.connect(sandbox)
        page = await new_page(browser, PHONE_WIDTH)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        token = token_of(client.person)
        await page.goto(f"{origin}/index.html#token={token}&url={client.url}")
        await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=WAIT_MS)
        courses = (await client.get("/api/v1/canvas/courses"))["items"]
        due = (await client.get("/api/v1/dashboard/stats"))["next_due"]
        for item in (*courses, *due):
            await expect(page.get_by_text(item["name"]).first).to_be_visible(timeout=WAIT_MS)
        graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
        sandbox.control.set_grade(graded["canvas_id"], score=1.25)
        await client.sync(connection["id"])
        news = page.locator("#news").get_by_role("listitem").filter(has_text=graded["name"])
        await expect(news).to_contain_text("1.25", timeout=WAIT_MS)
        assert token not in page.url
        assert faults == []


@asynccontextmanager
async def served_files(folder: Path) -> AsyncIterator[str]:
    """Serve the files of a folder, and yield the origin."""
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
