"""SECURITY.md promises what a test holds."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = re.findall(r"`(tests/[\w/]+)\.py::(\w+)` \|", (ROOT / "SECURITY.md").read_text("utf-8"))


def test_there_are_promises() -> None:
    assert len(PROMISES) > 20


@pytest.mark.parametrize(("module", "test"), PROMISES)
def test_the_test_that_holds_a_promise_exists(module: str, test: str) -> None:
    assert callable(getattr(importlib.import_module(module.replace("/", ".")), test))
