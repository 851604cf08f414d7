"""`easeboard receipt verify` gives a clear verdict, and needs neither settings nor a database."""

import json
import subprocess
from pathlib import Path

import pytest

from infrastructure.seals.signatures import SigningKey
from tests.infrastructure.seals.receipts.made_receipts import (
    LATER_LOG,
    LOG,
    OTHER_WITNESS,
    STRANGER,
    WITNESS,
    make_receipt,
)
from tests.interfaces.cli.run_cli import run_easeboard


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path, LOG, LATER_LOG, WITNESS)


def write(folder: Path, *signers: SigningKey) -> Path:
    file = folder / "receipt.json"
    file.write_bytes(make_receipt(*signers).encode())
    return file


def verify(file: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return run_easeboard(file.parent, "receipt", "verify", str(file), *map(str, options))


def test_with_the_key_of_the_log_a_receipt_is_valid(file: Path) -> None:
    keys = file.parent / "keys"
    keys.write_text(f"{STRANGER.verifier}\n{LOG.verifier}\n{WITNESS.verifier}\n")
    result = verify(file, "--vkey", keys)
    assert (result.returncode, result.stderr) == (0, "")
    for part in (
        "The receipt is valid.",
        "grade          8.5",
        "before         7.0 / C",
        "Übung “5” 📐 (Canvas id 9007199254740993)",
        "https://school.instructure.com",
        "2026-09-01T12:00:00Z",
        "entry          index 3 (the first has index 0) in a tree of 7",
        f"{LOG.name}+{LOG.verifier.key_id.hex()} (log, key given)",
        "(witness, key given) at 2026-09-21T14:13:20Z",
        "no later than  2026-09-21T14:13:20Z",
    ):
        assert part in result.stdout


def test_without_a_key_it_warns_plainly(file: Path) -> None:
    result = verify(file)
    assert result.returncode == 0
    assert "valid" not in result.stdout
    assert "The file agrees with itself." in result.stdout
    assert "no later than" not in result.stdout
    assert "Warning: no key was given" in result.stderr
    assert "GET /api/v1/audit/key" in result.stderr


def test_the_result_is_printed_as_json(file: Path) -> None:
    result = verify(file, "--vkey", LOG.verifier, "--json")
    document = json.loads(result.stdout)
    assert (document["valid"], document["trusted"], document["tree_size"]) == (True, True, 7)
    assert document["grade"]["current"] == {"score": 8.5, "grade": None}
    assert [each["trusted"] for each in document["signatures"]] == [True, False, False]
    file.write_bytes(file.read_bytes().replace(b"Physics", b"Botany"))
    refused = verify(file, "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout) == {
        "valid": False,
        "reason": "the commitment in the stored bytes is to another salt or content",
    }


def test_a_policy_must_be_satisfied(file: Path) -> None:
    policy = file.parent / "policy"
    policy.write_text(
        f"log {LOG.verifier}\nwitness one {WITNESS.verifier}\nwitness two "
        f"{OTHER_WITNESS.verifier}\ngroup both all one two\nquorum both\n"
    )
    refused = verify(file, "--policy", policy)
    assert refused.returncode == 1
    assert "requires the quorum `both`" in refused.stderr
    write(file.parent, LOG, WITNESS, OTHER_WITNESS)
    accepted = verify(file, "--policy", policy)
    assert (accepted.returncode, accepted.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", [], "is no grade receipt: it is no JSON in UTF-8"),
        (b"x" * 1_000_001, [], "is no grade receipt: a receipt has at most 1,000,000 bytes"),
        (None, ["--vkey", STRANGER.verifier], "no given key of a log has signed"),
        (None, ["--vkey", "nonsense"], "--vkey nonsense is neither a verifier key"),
        (None, ["--vkey", "receipt.json"], "receipt.json is no file with verifier keys"),
        (None, ["--policy", "receipt.json"], "receipt.json is no policy: line 1"),
        (None, ["--policy", "missing"], "missing cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    file: Path, content: bytes | None, options: list[object], reason: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    result = verify(file, *options)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert reason in line


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    result = verify(tmp_path / "missing.json")
    assert result.returncode == 1
    assert "missing.json cannot be read: No such file or directory." in result.stderr


def test_content_that_moves_the_cursor_is_shown_as_text(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    receipt = make_receipt(STRANGER, course_name="\x1b[2Jvalid", current="\x1b[31m")
    file.write_bytes(receipt.encode())
    result = verify(file)
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
