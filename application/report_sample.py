"""The command that records that the nightly check of a read model found a difference."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from application.ports import Store
from domain.read_model_record import ReadModelRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSample:
    """Of some people, `different` have other rows in a read model than the event log gives."""

    projection: str
    version: int
    position: int
    people: int
    different: int
    tables: Sequence[str]
    failed: int


async def report_sample(command: ReportSample, *, store: Store) -> None:
    """Record the difference; nothing is repaired."""

    def report(verifications: ReadModelRecord) -> None:
        verifications.report_sample(**asdict(command) | {"tables": list(command.tables)})

    await store.record(ReadModelRecord, ReadModelRecord.id_for(command.projection), report)
