"""Tests of .make/install.py, which `make` runs before anything is installed."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

from tests.deadlines import scaled

ROOT = Path(__file__).parents[1]
PROGRAM = runpy.run_path(str(ROOT / ".make" / "install.py"))
REQUIREMENTS: dict[str, str] = PROGRAM["REQUIREMENTS"]


def names_in(requirements: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", (ROOT / requirements).read_text("utf-8"), re.MULTILINE))


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / ".make" / "install.py").read_text("utf-8"))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_program_is_installed_without_tools_that_test_or_lint_it() -> None:
    runtime, dev = names_in(REQUIREMENTS["runtime"]), names_in(REQUIREMENTS["dev"])
    assert not runtime & {"pytest", "hypothesis", "ruff", "mypy", "playwright", "hatchling", "uv"}
    assert runtime < dev
    assert "uv" in names_in("requirements-build.txt")


def test_packages_that_are_installed_are_not_listed_one_by_one() -> None:
    lines = ["Resolved 2 packages\n", " + aiohttp==3\n", " ~ easeboard==1\n", "\n", "error: lost\n"]
    assert list(PROGRAM["shown_lines"](lines)) == ["Resolved 2 packages", "error: lost"]


def test_a_wrong_argument_is_a_usage_error() -> None:
    result = subprocess.run(  # our own program
        [sys.executable, ".make/install.py", "everything"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(20),
    )
    assert result.returncode == 2
    assert "install.py runtime" in result.stderr
