"""One running demo and one browser for all tests of this folder, and a page for each test.

These tests are collected only if chromium is installed, and always in CI.
"""

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.chromium import CHROMIUM, WAIT_MS, new_page, running_chromium
from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient
from tests.browser.demo_process import DemoAddresses, running_demo_process

NARROW, WIDE = 390, 1280

collect_ignore_glob = [] if CHROMIUM.exists() or os.environ.get("CI") else ["test_*.py"]

at_both_widths = pytest.mark.usefixtures("width")
"""Run a test at each width of `width`."""

_HAS_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record whether the test failed, for the fixture that then takes a screenshot."""
    report = yield
    item.stash[_HAS_FAILED] = item.stash.get(_HAS_FAILED, False) or report.failed
    return report


@pytest.fixture(params=[NARROW, WIDE])
def width(request: pytest.FixtureRequest) -> int:
    """The width of the window in pixels: a telephone, and a desk."""
    return int(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo() -> AsyncIterator[DemoAddresses]:
    async with running_demo_process() as addresses:
        yield addresses


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM.exists(), "chromium is missing: apt-get install chromium"
    expect.set_options(timeout=WAIT_MS)
    async with running_chromium() as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="session")
async def client(demo: DemoAddresses) -> AsyncIterator[DemoClient]:
    """A client of the demo, whose student has one healthy connection."""
    async with aiohttp.ClientSession() as session:
        client = DemoClient(session, demo)
        await client.make_healthy()
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def console(
    request: pytest.FixtureRequest,
    browser: Browser,
    demo: DemoAddresses,
    client: DemoClient,  # noqa: ARG001  # it mends what the test before has broken
    tmp_path: Path,
) -> AsyncIterator[ConsolePage]:
    """A page of 1,280 pixels, or of `width`; a fault that the test does not expect fails it."""
    size = request.getfixturevalue("width") if "width" in request.fixturenames else WIDE
    page = await new_page(browser, size)
    console = ConsolePage(page, demo)
    yield console
    if console.faults or request.node.stash.get(_HAS_FAILED, False):
        print(await console.save_evidence(tmp_path))  # noqa: T201  # pytest shows it if it fails
    await page.context.close()
    assert console.faults == []
