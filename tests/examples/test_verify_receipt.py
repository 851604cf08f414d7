"""The stand-alone script and the program agree on every receipt, and refuse any changed byte."""

import ast
import base64
import copy
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.seals.receipts.receipt_file import parse_receipt
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from infrastructure.seals.signatures import SigningKey
from tests.deadlines import scaled
from tests.infrastructure.seals.receipts.made_receipts import (
    LATER_LOG,
    LOG,
    OTHER_WITNESS,
    STRANGER,
    WITNESS,
    make_receipt,
)

SCRIPT = Path(__file__).parents[2] / "examples/verify_receipt.py"
MAX_LINES = 150
BASE64_MEMBERS = (("state",), ("entry",), ("opening", "salt"))

RECEIPTS: dict[str, dict[str, Any]] = {
    name: json.loads(receipt.encode())
    for name, receipt in {
        "plain": make_receipt(),
        "every kind of key": make_receipt(LOG, LATER_LOG, WITNESS, OTHER_WITNESS),
        "alone in the tree": make_receipt(size=1, index=0),
        "course total": make_receipt(
            size=300, index=256, subject="course", assignment_id=None, assignment_name=None,
            previous=None, current={"score": 91.25, "grade": "A-"},
        ),
        "compressed": make_receipt(course_name="x" * 4000),
    }.items()
}  # fmt: skip


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location("verify_receipt_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load_script()


def script_accepts(file: Path, keys: tuple[SigningKey, ...] = ()) -> bool:
    try:
        script.main(str(file), *(str(key.verifier) for key in keys))
    except SystemExit:
        return False
    return True


def program_accepts(file: Path, keys: tuple[SigningKey, ...] = ()) -> bool:
    try:
        verify_receipt(parse_receipt(file.read_bytes()), [key.verifier for key in keys])
    except ValueError:
        return False
    return True


def verdicts(file: Path, document: Any, keys: tuple[SigningKey, ...] = ()) -> list[bool]:
    file.write_text(json.dumps(document), "utf-8")
    return [script_accepts(file, keys), program_accepts(file, keys)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receipts") / "receipt.json"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # the script of this repository
        [sys.executable, "-I", SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(60),
    )


def test_the_script_is_short_and_imports_nothing_of_the_project() -> None:
    text = SCRIPT.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    imported = {module.partition(".")[0] for module in modules}
    assert len(text.splitlines()) <= MAX_LINES
    assert imported - sys.stdlib_module_names == {"cryptography"}


@pytest.mark.parametrize("name", RECEIPTS)
def test_both_accept_a_receipt(file: Path, name: str) -> None:
    for keys in ((), (LOG,), (STRANGER, LOG), (WITNESS, LOG)):
        assert verdicts(file, RECEIPTS[name], keys) == [True, True]


@pytest.mark.parametrize("keys", [(STRANGER,), (WITNESS,), (OTHER_WITNESS,)])
def test_both_refuse_a_receipt_without_a_signature_of_a_given_key_of_the_log(
    file: Path, keys: tuple[SigningKey, ...]
) -> None:
    assert verdicts(file, RECEIPTS["every kind of key"], keys) == [False, False]


def test_the_script_prints_the_grade_and_warns_without_a_key(file: Path, tmp_path: Path) -> None:
    file.write_bytes(make_receipt(LOG, WITNESS).encode())
    vkeys = tmp_path / "vkey"
    vkeys.write_text(f"{STRANGER.verifier}\n{LOG.verifier}\n")
    checked, unchecked = run(file, vkeys), run(file)
    assert (checked.returncode, unchecked.returncode) == (0, 0)
    assert '"score": 8.5' in checked.stdout
    assert "2026-09-21T14:13:20+00:00" in checked.stdout
    assert "WARNING" not in checked.stdout
    assert "WARNING: no key was given" in unchecked.stdout


def test_the_script_refuses_in_one_line(file: Path, tmp_path: Path) -> None:
    file.write_bytes(make_receipt(STRANGER).encode())
    (tmp_path / "nonsense").write_bytes(b"\xff\x00")
    (tmp_path / "huge").write_bytes(b" " * 1_000_001)
    refused = {
        run(file, LOG.verifier): "has not signed with any of the given keys",
        run(tmp_path / "nonsense"): "invalid start byte",
        run(tmp_path / "huge"): "at most 1,000,000 bytes",
        run(tmp_path / "missing"): "No such file",
    }
    for result, reason in refused.items():
        assert (result.returncode, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith("NOT VALID: ")
        assert reason in line


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value that is no object and no list."""
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from places(value, (*path, key))
    else:
        yield path


def value_at(document: Any, path: Sequence[Any]) -> Any:
    for key in path:
        document = document[key]
    return document


def changed_bytes(draw: Callable[[Any], Any], text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return base64.b64encode(data).decode()


def changed_text(draw: Callable[[Any], Any], text: str) -> str:
    at = draw(st.integers(0, len(text)))
    cut = draw(st.integers(0, 1)) if at < len(text) else 0
    new: str = draw(st.text(min_size=1 - cut, max_size=1))
    return text[:at] + new + text[at + cut :]


@st.composite
def tampered_receipts(draw: Callable[[Any], Any]) -> Any:
    original = RECEIPTS[draw(st.sampled_from(sorted(RECEIPTS)))]
    document = copy.deepcopy(original)
    *path, last = draw(st.sampled_from(list(places(document))))
    holder = value_at(document, path)
    value = holder[last]
    if not isinstance(value, str):
        holder[last] = draw(st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=2))
    elif (*path, last) in BASE64_MEMBERS and draw(st.booleans()):
        holder[last] = changed_bytes(draw, value)
    else:
        holder[last] = changed_text(draw, value)
    return document


@settings(max_examples=150)
@given(document=tampered_receipts())
def test_both_refuse_any_changed_byte(file: Path, document: Any) -> None:
    if json.dumps(document) not in {json.dumps(each) for each in RECEIPTS.values()}:
        for keys in ((), (LOG,)):
            assert verdicts(file, document, keys) == [False, False]


@pytest.mark.parametrize("path", BASE64_MEMBERS)
def test_both_refuse_every_flipped_byte_of_entry_state_and_salt(
    file: Path, path: tuple[str, ...]
) -> None:
    *holders, last = path
    for index in range(len(base64.b64decode(value_at(RECEIPTS["plain"], path)))):
        document = copy.deepcopy(RECEIPTS["plain"])
        holder = value_at(document, holders)
        data = bytearray(base64.b64decode(holder[last]))
        data[index] ^= 1
        holder[last] = base64.b64encode(data).decode()
        assert verdicts(file, document, (LOG,)) == [False, False]


@pytest.mark.parametrize("member", list(RECEIPTS["plain"]))
def test_both_refuse_a_receipt_that_lacks_a_member_or_has_another_one(
    file: Path, member: str
) -> None:
    document = RECEIPTS["plain"]
    assert verdicts(file, document | {"more": 1}) == [False, False]
    del (rest := dict(document))[member]
    assert verdicts(file, rest) == [False, False]


@pytest.mark.parametrize(
    ("change"),
    [
        {"connection_number": "2"},
        {"connection_number": 2.0},
        {"opening": RECEIPTS["plain"]["opening"] | {"more": ""}},
        {"vkeys": dict.fromkeys(RECEIPTS["plain"]["vkeys"], 1)},
        {"vkeys": RECEIPTS["plain"]["vkeys"] * 2},
        {"grade": RECEIPTS["plain"]["grade"] | {"baseline": 0}},
    ],
)
def test_both_refuse_an_equal_value_of_another_type(file: Path, change: dict[str, Any]) -> None:
    assert verdicts(file, RECEIPTS["plain"] | change) == [False, False]


def test_both_refuse_a_member_that_occurs_twice(file: Path) -> None:
    text = json.dumps(RECEIPTS["plain"])
    file.write_text(text.replace('{"format"', '{"statement": "other", "format"', 1), "utf-8")
    assert [script_accepts(file), program_accepts(file)] == [False, False]
