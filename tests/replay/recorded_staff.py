"""What auditors and administrators do in the scenario: their decisions are recorded too."""

from uuid import UUID, uuid4

from application.event_metadata import with_event_metadata
from application.record_list_read import RecordListRead
from application.record_verification import RecordVerification, record_verification
from application.report_sample import ReportSample, report_sample
from domain.dead_letter_record import DeadLetterRecord
from interfaces.composition.process import Process

READ_MODEL = "grades"


async def list_connections(process: Process, auditor: UUID, about: UUID | None) -> None:
    """Let an auditor read the list of all connections, or of those of one person."""
    what = f"connections user_id={about}" if about else "connections"
    command = RecordListRead(reader_id=auditor, what=what, purpose="overview", about=about)
    with with_event_metadata(str(auditor), correlation_id=str(uuid4())):
        await process.service.record_list_read(command)


async def settle_dead_letters(process: Process, administrator: UUID, person: UUID) -> None:
    """Record a retry and a skip of an event of a person; no read model has really set one aside."""
    letter = {
        "projection": READ_MODEL,
        "letter_id": uuid4(),
        "person_id": person,
        "topic": "GradeChanged",
        "reason": "KeyError",
    }
    stream = DeadLetterRecord.id_for(READ_MODEL)
    with with_event_metadata(str(administrator), correlation_id=str(uuid4())):
        await process.store.record(DeadLetterRecord, stream, lambda each: each.retry(**letter))
        await process.store.record(DeadLetterRecord, stream, lambda each: each.skip(**letter))


async def compare_read_model(process: Process, administrator: UUID) -> None:
    """Record comparisons of a read model with the log: one that agrees, and one that does not."""
    verified = RecordVerification(
        projection=READ_MODEL,
        version=1,
        position=1,
        digest="00",
        rows={"grades": 1},
        new_version=None,
        new_digest="00",
        new_rows={"grades": 1},
        result="ok",
    )
    differed = ReportSample(
        projection=READ_MODEL,
        version=1,
        position=1,
        people=20,
        different=1,
        tables=["grades"],
        failed=0,
    )
    with with_event_metadata(str(administrator), correlation_id=str(uuid4())):
        await record_verification(verified, store=process.store)
    with with_event_metadata("scheduler"):
        await report_sample(differed, store=process.store)
