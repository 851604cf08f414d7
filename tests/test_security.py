"""SECURITY.md promises what a test holds."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTED_TESTS = re.findall(
    r"`(tests/[\w/]+)\.py::(\w+)` \|", (ROOT / "SECURITY.md").read_text("utf-8")
)


def test_security_md_names_tests() -> None:
    assert len(DOCUMENTED_TESTS) > 20


@pytest.mark.parametrize(("module", "test"), DOCUMENTED_TESTS)
def test_the_named_test_exists(module: str, test: str) -> None:
    assert callable(getattr(importlib.import_module(module.replace("/", ".")), test))
