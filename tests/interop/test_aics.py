"""aics-tlog reads the log; aics-witness and ours cosign for each other's clients."""

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.seal_store import newest_checkpoint
from infrastructure.seals.signatures import ED25519_COSIGNATURE, new_signing_key, parse_vkey
from infrastructure.seals.signed_note import parse_signature_lines
from infrastructure.seals.tiles import decode_bundle
from infrastructure.seals.witness_client.cosignature_request import verify_cosignatures
from infrastructure.seals.witness_client.witness_exchange import new_witness_session
from infrastructure.seals.witness_client.witness_rounds import WitnessRounds
from tests.deadlines import scaled
from tests.infrastructure.seals.small_log import SmallLog
from tests.infrastructure.seals.witness_client.rounds_driver import AT_ONCE, play
from tests.infrastructure.seals.witness_server import running_witness
from tests.interop.published_log import FIRST, SIZE, PublishedLog


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # installed by make interop
        command, input=stdin, capture_output=True, text=True, timeout=scaled(60), check=False
    )


def verdict(judges: Path, log: PublishedLog, *arguments: str) -> tuple[int, dict[str, Any]]:
    command, *rest = arguments
    result = run(
        *(judges / "aics-tlog", command, "--tiles", log.seals, "--log-key", str(log.keys[0])), *rest
    )
    return result.returncode, json.loads(result.stdout)


def test_the_checkpoint_and_the_tree_verify(judges: Path, log: PublishedLog) -> None:
    code, report = verdict(judges, log, "verify-checkpoint")
    assert (code, report["ok"], report["size"], report["tiles_ok"]) == (0, True, SIZE, True)


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, SIZE - 1])
def test_an_event_is_included(judges: Path, log: PublishedLog, tmp_path: Path, index: int) -> None:
    number, place = divmod(index, 256)
    paths = sorted(log.seals.glob(f"tile/entries/**/*{number:03d}*"))
    bundle = next(path for path in (*paths, *paths[0].glob("*")) if path.is_file())
    entry = tmp_path / "entry"
    entry.write_bytes(decode_bundle(bundle.read_bytes())[place])
    arguments = ("verify-inclusion", "--index", str(index), "--leaf", str(entry))
    assert verdict(judges, log, *arguments)[0] == 0
    entry.write_bytes(b"\x00" + entry.read_bytes()[1:])
    assert verdict(judges, log, *arguments)[0] == 1


def test_the_log_only_grew(judges: Path, log: PublishedLog) -> None:
    code, report = verdict(
        judges, log, "verify-consistency", "--old-checkpoint", str(log.old_checkpoint)
    )
    assert (code, report["ok"]) == (0, True)
    assert (report["old_size"], report["new_size"]) == (FIRST, SIZE)


@contextmanager
def aics_witness(judges: Path, folder: Path, log: PublishedLog) -> Iterator[tuple[str, str]]:
    """Serve the foreign witness; yields its URL and its vkey."""
    program, config = judges / "aics-witness", folder / "witness.json"
    created = run(
        *(program, "init", "--config", config, "--name", "aics.example/w1"),
        *("--listen", "127.0.0.1:0"),
    )
    assert created.returncode == 0, created.stderr
    key = log.keys[0]
    added = run(program, "add-log", "--config", config, "--origin", key.name, "--vkey", str(key))
    assert added.returncode == 0, added.stderr
    with subprocess.Popen(  # noqa: S603  # installed by make interop
        [program, "serve", "--config", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr
            yield url_in(process.stderr), created.stdout.split()[-1]
        finally:
            process.terminate()


def url_in(lines: Iterator[str] | Any) -> str:
    for line in lines:
        if found := re.search(r"127\.0\.0\.1:(\d+)", line):
            return f"http://{found[0]}"
    raise AssertionError("the witness has not started")


async def test_the_foreign_witness_cosigns_for_our_client(
    judges: Path, log: PublishedLog, tmp_path: Path
) -> None:
    with aics_witness(judges, tmp_path, log) as (url, vkey):
        policy = parse_policy(f"witness w {vkey} {url}\nquorum w".encode())
        async with (
            AsyncConnectionPool(log.url, min_size=1, max_size=2) as pool,
            new_witness_session() as session,
        ):
            rounds = WitnessRounds(policy, read_pool=pool, write_pool=pool, pace=AT_ONCE)
            await play(rounds, session)
            newest = await newest_checkpoint(pool)
    assert newest
    found = policy.verify(newest.note, log.keys)
    assert found.checkpoint.size == SIZE
    assert [witness.key for witness in found.cosigned] == [parse_vkey(vkey)]


async def test_our_witness_cosigns_for_the_foreign_client(judges: Path, tmp_path: Path) -> None:
    small = SmallLog()
    other = SmallLog(seed=b"another past ", keys=small.keys)
    key = new_signing_key("ours.example/w1", ED25519_COSIGNATURE)
    vkeys = [each.verifier for each in small.keys]
    steps = [(small, 7), (small, 7), (small, 21), (other, 22), (small, 20), (small, 40)]
    lines = "".join(f"{json.dumps(submission(log, size))}\n" for log, size in steps)
    async with running_witness(vkeys, [key], tmp_path / "state") as url:
        result = await asyncio.to_thread(
            run,
            *(judges / "python", Path(__file__).parent / "judges" / "aics_client.py"),
            *(url, str(key.verifier)),
            stdin=lines,
        )
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer for answer in answers if "\u2014" not in answer] == [
        "WitnessRejected",
        "WitnessAhead",
    ]
    for (log, size), answer in zip(steps, answers, strict=True):
        if "\u2014" in answer:
            found = parse_signature_lines(answer.rstrip("\n") + "\n")
            times = verify_cosignatures(log.checkpoint(size), found, [key.verifier], _time(found))
            assert times


def _time(lines: list[Any]) -> float:
    return int.from_bytes(lines[0].signature[:8])


def submission(log: SmallLog, size: int) -> dict[str, Any]:
    proofs = {
        f"{old}-{size}": [base64.b64encode(each).decode() for each in log.proof(old, size)]
        for old in range(size + 1)
    }
    return {"note": log.checkpoint(size).decode(), "proofs": proofs}
