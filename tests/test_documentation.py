"""What the documents name exists: files, headings, tests, import contracts."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "tests" / "README.md",
]
SOURCE_FOLDERS = (
    "domain",
    "application",
    "infrastructure",
    "projections",
    "interfaces",
    "tests",
    "docs",
)
MIN_INVARIANTS = 14
MIN_GUARANTEES = 21

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`\n]+)`")
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
FILE_NAME = re.compile(r"(?:[\w.-]+/)*[\w-]+\.(?:py|sql|md|yml|json|toml|ts)")
FOLDER_PATH = re.compile(rf"(?:{'|'.join(SOURCE_FOLDERS)})(?:/[\w.-]+)*/?")
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CONTRACT_NAMES = re.compile(r"\b[Cc]ontracts? (`[^`]+`(?:(?:, | and )`[^`]+`)*)")

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def text_of(document: Path) -> str:
    """A document without its code blocks, which may show files that a reader creates."""
    return CODE_BLOCK.sub("", document.read_text("utf-8"))


def section_of(document: Path, heading: str) -> str:
    _, _, following = text_of(document).partition(f"\n## {heading}\n")
    return following.partition("\n## ")[0]


@cache
def anchors_of(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def functions_of(module: str) -> set[str]:
    """The functions that a module defines at its first level; none if it does not exist."""
    path = ROOT / module
    body = ast.parse(path.read_text("utf-8")).body if path.exists() else []
    return {each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def repository_files() -> tuple[str, ...]:
    """Every file of the repository that a document may name, below the root with a slash."""
    files = [path for folder in SOURCE_FOLDERS for path in (ROOT / folder).rglob("*.*")]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in files)


@cache
def import_contracts() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}


def is_missing(link: str, document: Path) -> bool:
    """Whether a relative link names a file or a heading that does not exist."""
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return not target.exists() or bool(anchor and anchor not in anchors_of(target))


def names_no_file(code: str) -> bool:
    """Whether inline code looks like a path or file name, and no file ends with it."""
    if FOLDER_PATH.fullmatch(code):
        return not (ROOT / code).exists()
    return bool(FILE_NAME.fullmatch(code)) and not any(
        file.endswith(f"/{code}") for file in repository_files()
    )


@each_document
def test_every_relative_link_leads_to_a_file_and_heading(document: Path) -> None:
    links = [link for link in LINK.findall(text_of(document)) if "://" not in link]
    missing = [link for link in links if is_missing(link, document)]
    assert not missing, f"Correct these links, or restore what they name: {missing}"


@each_document
def test_every_file_in_backticks_exists(document: Path) -> None:
    missing = [code for code in INLINE_CODE.findall(text_of(document)) if names_no_file(code)]
    assert not missing, (
        f"Name these files as they are called now: {missing}. Write a name that a reader chooses"
        " as `<name>.py`."
    )


@each_document
def test_every_test_that_is_named_exists(document: Path) -> None:
    missing = [
        f"{module}::{test}"
        for module, test in TEST_NAME.findall(text_of(document))
        if test not in functions_of(module)
    ]
    assert not missing, f"Name the tests that hold these promises now: {missing}"


def test_the_security_page_names_a_test_for_each_guarantee() -> None:
    section = section_of(ROOT / "SECURITY.md", "Guarantees, and the test that checks each")
    _, _, *rows = re.findall(r"^\| .* \|$", section, re.MULTILINE)
    assert len(rows) >= MIN_GUARANTEES
    unchecked = [row for row in rows if not TEST_NAME.search(row.rpartition(" | ")[2])]
    assert not unchecked, f"Name a test in the last column of these rows: {unchecked}"


def test_every_invariant_names_the_test_or_contract_that_holds_it() -> None:
    section = section_of(ROOT / "docs" / "architecture.md", "Invariants")
    invariants = re.findall(r"^\d+\. (.*)$", section, re.MULTILINE)
    assert len(invariants) >= MIN_INVARIANTS
    unheld = [
        each
        for each in invariants
        if not TEST_NAME.search(each) and not CONTRACT_NAMES.search(each)
    ]
    assert not unheld, f"Name a test (`tests/….py::test_…`) or a contract for these: {unheld}"


@each_document
def test_every_import_contract_that_is_named_exists(document: Path) -> None:
    lists = CONTRACT_NAMES.findall(text_of(document))
    missing = {name for names in lists for name in INLINE_CODE.findall(names)} - import_contracts()
    assert not missing, (
        f"pyproject.toml has no such contracts: {missing}; it has {import_contracts()}"
    )


def test_every_glossary_entry_links_the_file_where_it_lives() -> None:
    rows = re.findall(r"^\| (\*\*.*) \|$", text_of(ROOT / "docs" / "glossary.md"), re.MULTILINE)
    assert rows
    unlinked = [row for row in rows if not LINK.search(row.rpartition(" | ")[2])]
    assert not unlinked, f"Link a file in the last column of these entries: {unlinked}"


@pytest.mark.parametrize("folder", ["guides", "decisions"])
def test_the_index_of_a_folder_lists_all_its_documents(folder: str) -> None:
    documents = {path.name for path in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    listed = set(LINK.findall(text_of(ROOT / "docs" / folder / "README.md")))
    assert documents <= listed, f"Add to docs/{folder}/README.md: {documents - listed}"
