"""Signed checkpoints, proofs and verification reports of a log, from the database."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

from infrastructure.seals.event_proofs import EventChanged
from infrastructure.seals.signatures import parse_vkey
from infrastructure.seals.tlog_proof import TlogProof
from interfaces.composition.process import Process
from interfaces.queries.log_proofs import EventUnknown, NotSealedYet
from interfaces.queries.log_verification import LogVerification
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.queries.audited_log import CONNECTION, PERSON, all_events, read


@pytest.fixture
async def log(process: Process, tmp_path: Path) -> AsyncIterator[SealedTestLog]:
    """A log with a connection, a requested run and a reading, which are sealed."""
    await read(process)
    log = SealedTestLog(process.database_url, tmp_path / "seals")
    log.seal()
    yield log
    log.connection.close()


async def test_the_proof_of_an_event_is_verified_with_the_published_key(
    process: Process, log: SealedTestLog
) -> None:
    [key] = (await process.service.log_keys()).splitlines()
    assert parse_vkey(key) == log.key.verifier
    for event in await all_events(process):
        proof = TlogProof.parse(await process.service.proof_text(UUID(event["event_id"])))
        assert proof.extra is not None
        checkpoint, _ = proof.verify(proof.extra, [parse_vkey(key)])
        seal = event["seal"]
        assert (seal["index"], seal["tree_size"]) == (proof.entry_index, checkpoint.size)
        assert seal["checkpoint"].encode() == proof.note


async def test_an_event_leads_to_its_connection(process: Process, log: SealedTestLog) -> None:
    for event in await all_events(process):
        found = await process.service.find_event(UUID(event["event_id"]))
        assert (found.connection_id, found.person_id) == (CONNECTION, PERSON)
    assert log.verify(folder=None).result == "ok"


async def test_what_is_not_sealed_has_no_proof(process: Process, log: SealedTestLog) -> None:
    await read(process)
    newest = (await all_events(process))[-1]
    assert newest["seal"] is None
    with pytest.raises(NotSealedYet):
        await process.service.proof_text(UUID(newest["event_id"]))
    with pytest.raises(EventUnknown):
        await process.service.proof_text(uuid4())
    log.seal()
    assert (await all_events(process))[-1]["seal"]["index"] == 3


async def test_a_changed_row_has_no_proof(process: Process, log: SealedTestLog) -> None:
    event_id = UUID((await all_events(process))[0]["event_id"])
    log.connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    log.connection.execute("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 1")
    with pytest.raises(EventChanged, match="position 1"):
        await process.service.proof_text(event_id)


async def test_checkpoints_are_listed_newest_first(process: Process, log: SealedTestLog) -> None:
    await read(process)
    log.seal()
    first = await process.service.signed_checkpoints(limit=1)
    rest = await process.service.signed_checkpoints(limit=1, cursor=first.next_cursor)
    items = [orjson.loads(item) for page in (first, rest) for item in page.items]
    assert [item["size"] for item in items] == [4, 3]
    assert rest.next_cursor is None
    assert items[0]["cosigners"] == []
    assert items[0]["note"].startswith(f"{log.key.name}\n4\n{items[0]['root']}\n\n")


async def test_a_small_log_is_verified_whole_each_time(
    process: Process, log: SealedTestLog
) -> None:
    assert (await process.service.verify_log())["result"] == "ok"
    log.connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    log.connection.execute("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 1")
    report = await process.service.verify_log()
    assert report["result"] == "problems"
    assert [each["position"] for each in report["problems"]] == [1]


async def test_a_large_log_is_verified_in_turns(process: Process, log: SealedTestLog) -> None:
    for _ in range(7):
        log.append(100)
        log.seal()
    verification = LogVerification(process.database_url, None, events_at_once=250)
    sizes = [await verification.report() for _ in range(4)]
    assert [each["to_size"] for each in sizes] == [203, 403, 603, 703]
    assert [each["complete"] for each in sizes] == [False, False, False, True]
    assert [each["verified_again"] for each in sizes] == [
        *[None] * 3,
        {"from_size": 0, "to_size": 203},
    ]
    log.connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    log.connection.execute("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 300")
    report = await verification.report()
    assert report["verified_again"] == {"from_size": 203, "to_size": 403}
    assert [each["position"] for each in report["problems"]] == [300]


async def test_a_large_log_that_does_not_grow_stays_verified(
    process: Process, log: SealedTestLog
) -> None:
    log.append(300)
    log.seal()
    verification = LogVerification(process.database_url, None, events_at_once=250)
    reports = [await verification.report() for _ in range(7)]
    assert {each["result"] for each in reports} == {"ok"}
    assert len({each["root"] for each in reports[2:]}) == 1
