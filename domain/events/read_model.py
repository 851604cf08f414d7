"""The events of comparisons of read models with the event log."""

from typing import ClassVar

from domain.event import Event, stored_as


@stored_as("ReadModelVerified")
class ReadModelVerified(Event):
    """The rows of a read model were compared with a new fold of the event log."""

    ENCRYPTED: ClassVar[bool] = False
    DECIDES: ClassVar[bool] = False

    projection: str
    """The name of the read model."""
    version: int
    """The version whose rows were compared."""
    position: int
    """The position of the log at which they were compared."""
    digest: str
    """A hash of all its rows."""
    rows: dict[str, int]
    """The number of its rows by table."""
    new_version: int | None
    """The version that was built to replace it; null if nothing was built."""
    new_digest: str | None
    """A hash of all rows of the new fold; null if it is not known."""
    new_rows: dict[str, int]
    """The number of rows of the new fold by table."""
    result: str
    """`ok`, `different`, or `counted` if the new fold has another definition of the read model."""


@stored_as("ReadModelSampleDiffered")
class ReadModelSampleDiffered(Event):
    """The nightly check found people whose rows in a read model are not those of the event log."""

    ENCRYPTED: ClassVar[bool] = False
    DECIDES: ClassVar[bool] = False

    projection: str
    """The name of the read model."""
    version: int
    """The version whose rows were compared."""
    position: int
    """The position of the log at which they were compared."""
    people: int
    """The number of people in the sample."""
    different: int
    """The number of people whose rows are different."""
    tables: list[str]
    """The tables in which rows are different."""
    failed: int
    """The number of events that were applied and cannot be applied now."""
