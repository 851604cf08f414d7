"""The command that records what a comparison of a read model with the event log found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from application.ports import Store
from domain.read_model_record import ReadModelRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordVerification:
    """A version of a read model was compared with a new fold of the event log.

    `rows` are counted by table. `new_version` is None if nothing was built to replace it.
    """

    projection: str
    version: int
    position: int
    digest: str
    rows: Mapping[str, int]
    new_version: int | None
    new_digest: str | None
    new_rows: Mapping[str, int]
    result: Literal["ok", "different", "counted"]


async def record_verification(command: RecordVerification, *, store: Store) -> None:
    """Record the result; who had it compared is the actor of the event."""

    def record(verifications: ReadModelRecord) -> None:
        verifications.verify(**asdict(command))

    await store.record(ReadModelRecord, ReadModelRecord.id_for(command.projection), record)
