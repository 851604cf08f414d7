"""Functions of the console that need no browser, executed by Node."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from infrastructure.seals.entry import LogEntry, encode_entry
from infrastructure.seals.signatures import ML_DSA_44, new_signing_key
from infrastructure.seals.tlog_proof import TlogProof
from tests.end_to_end.node_scripts import run_node
from tests.infrastructure.seals.small_log import SmallLog

FOLDER = Path(__file__).parent
ORIGIN = "log.example/console"
SIZES = (1, 2, 3, 7, 8, 13)
EVENT_ID = UUID("1c9d2b60-7e3f-4a58-9b16-5d4c3b2a1f0e")


def proof_of(log: SmallLog, index: int, size: int) -> str:
    """Return the proof of an entry; the entries of the log are their numbers."""
    path = log.inclusion(index, size)
    return TlogProof(index, path, log.checkpoint(size), b"%d" % index).text().decode()


def entry_of_an_event() -> bytes:
    ids = (UUID(int=number) for number in (7, 8, 9))
    return encode_entry(
        LogEntry(
            4711, next(ids), 3, EVENT_ID, 5, next(ids), next(ids), None, b"A", b"b", None, bytes(32)
        )
    )


@pytest.mark.parametrize(
    ("part", "zone", "language"),
    [
        ("student", "Europe/Berlin", "en_US"),
        ("auditor", "UTC", "en_US"),
        ("admin", "Asia/Kolkata", "en_US"),
        ("console", "UTC", "de_DE"),
    ],
)
async def test_the_functions_of_the_screens(part: str, zone: str, language: str) -> None:
    script = f"{part}_functions.test.mts"
    await run_node(FOLDER, "--test", script, TZ=zone, LC_ALL=f"{language}.UTF-8")


async def test_the_browser_checks_proofs_as_the_service_makes_them(tmp_path: Path) -> None:
    keys = [new_signing_key(ORIGIN), new_signing_key(ORIGIN, ML_DSA_44)]
    log = SmallLog(max(SIZES), origin=ORIGIN, keys=keys)
    proofs = [proof_of(log, index, size) for size in SIZES for index in range(size)]
    cases = {
        "proofs": proofs,
        "vkeys": "\n".join(log.vkeys),
        "otherVkeys": str(new_signing_key(ORIGIN).verifier),
        "entry": entry_of_an_event().hex(),
        "eventId": str(EVENT_ID),
    }
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    await run_node(FOLDER, "--test", "tlog_proofs.test.mts", PROOF_CASES=str(file))
