"""The committed files of the console are those that its sources give, and they are small."""

import asyncio
import gzip
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.node_scripts import NPM, run_node

ROOT = Path(__file__).parents[3]
CONSOLE, CLIENT = Path("interfaces/console"), Path("interfaces/http/typescript")
RUNBOOK_FOLDER = Path("docs")
"""The console shows paragraphs of the documents for operators."""
COMMITTED = ROOT / CONSOLE / "dist"
LEFT_OUT = shutil.ignore_patterns("node_modules", "dist")
MAX_COMPRESSED_BYTES = 150_000
REFERENCE = re.compile(r'(?:href|src)="([^"]+)"')


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the console is built from, with the locked packages."""
    copy = tmp_path_factory.mktemp("sources")
    for folder in (CONSOLE, CLIENT, RUNBOOK_FOLDER):
        shutil.copytree(ROOT / folder, copy / folder, ignore=LEFT_OUT)
    asyncio.run(run_node(copy / CONSOLE, NPM, "ci"))
    return copy / CONSOLE


async def test_the_sources_have_no_type_errors(sources: Path) -> None:
    await run_node(sources, "node_modules/typescript/bin/tsc", "--noEmit")


async def test_the_committed_files_are_those_of_a_fresh_build(
    sources: Path, tmp_path: Path
) -> None:
    await run_node(sources, "build.mjs", "--outdir", tmp_path / "built")
    built, committed = contents_of(tmp_path / "built"), contents_of(COMMITTED)
    advice = "interfaces/console/dist is stale: run `make console`"
    assert sorted(built) == sorted(committed), advice
    assert built == committed, advice


def test_what_a_browser_loads_is_small() -> None:
    sizes = {
        name: len(gzip.compress(content, 9)) for name, content in contents_of(COMMITTED).items()
    }
    assert {"js", "css", "html"} <= {name.rpartition(".")[2] for name in sizes}
    assert sum(sizes.values()) <= MAX_COMPRESSED_BYTES, sizes


def test_the_page_loads_its_own_files_only_and_has_nothing_inline() -> None:
    page = (COMMITTED / "index.html").read_text("utf-8")
    references = REFERENCE.findall(page)
    assert set(references) == {f"/console/{name}" for name in contents_of(COMMITTED)} - {
        "/console/index.html"
    }
    assert "<style" not in page
    assert re.search(r"\s(?:style|on\w+)=", page) is None
    assert re.search(r"<script(?![^>]*\ssrc=)", page) is None


def test_the_lock_file_of_the_console_names_no_registry() -> None:
    assert "resolved" not in (ROOT / CONSOLE / "package-lock.json").read_text("utf-8")
