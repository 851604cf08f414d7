"""Takes pictures of every screen: `python -m tests.browser.screenshots --out FOLDER`.

Each screen is shown at 390 and 1,280 px, light and dark. A demo is started, or `--url` and
`--sandbox` are the addresses of one that runs.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import aiohttp

from tests.browser.chromium import Scheme, new_page, running_chromium
from tests.browser.console_page import ConsolePage
from tests.browser.console_screens import SCREENS, Screen, ids_for_addresses
from tests.browser.demo_client import DemoClient
from tests.browser.demo_process import DemoAddresses, running_demo_process

WIDTHS = (390, 1280)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main(arguments: list[str]) -> None:
    """Take the pictures that the arguments name; print the name of each, and faults of pages."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--url", help="address of a demo that runs, such as http://127.0.0.1:8000")
    parser.add_argument("--sandbox", help="address of its sandbox")
    parser.add_argument("--only", default="", help="part of the name of a screen, such as auditor")
    options = parser.parse_args(arguments)
    screens = [screen for screen in SCREENS if options.only in screen.name]
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(options.out, screens, options.url, options.sandbox))


async def _take(out: Path, screens: list[Screen], url: str | None, sandbox: str | None) -> None:
    async with (
        _demo(url, sandbox) as demo,
        running_chromium() as browser,
        aiohttp.ClientSession() as session,
    ):
        ids = await ids_for_addresses(DemoClient(session, demo))
        for screen, width, scheme in product(screens, WIDTHS, SCHEMES):
            path = out / f"{screen.name}-{width}-{scheme}.png"
            console = ConsolePage(await new_page(browser, width, scheme), demo)
            await _take_one(console, screen, ids, path)


@asynccontextmanager
async def _demo(url: str | None, sandbox: str | None) -> AsyncIterator[DemoAddresses]:
    if url and sandbox:
        yield DemoAddresses(url, sandbox)
        return
    async with running_demo_process() as demo:
        yield demo


async def _take_one(console: ConsolePage, screen: Screen, ids: dict[str, str], path: Path) -> None:
    await console.sign_in(screen.role, screen.fragment.format(**ids))
    if screen.role == "auditor":
        await console.give_purpose()
    await console.wait_for_data()
    await console.page.screenshot(path=path, full_page=True)
    print(path, *console.faults, sep="\n  ")  # noqa: T201  # the output of a command
    await console.page.context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
