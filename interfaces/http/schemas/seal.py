"""The schema of the seal of an event."""

from interfaces.http.schemas.response_model import ResponseModel


class Seal(ResponseModel):
    """Where an event is in the tree of a signed checkpoint."""

    index: int
    """Number of the event in the tree of easeboard's log, from 0."""
    tree_size: int
    """Number of events in the tree of easeboard's log."""
    checkpoint: str
    """The C2SP signed note with the root of this tree of easeboard's log."""
