"""Schemas of the receipt of a grade; docs/receipts.md explains how it is checked."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from infrastructure.seals.receipts.receipt_file import FORMAT
from interfaces.http.schemas.enumerations import GradeSubject
from interfaces.http.schemas.grades import Score
from interfaces.http.schemas.response_model import ResponseModel


class ReceiptGrade(ResponseModel):
    """What a receipt shows: the content of the event, and what belongs to it."""

    subject: GradeSubject
    """Whether it is the total of a course in Canvas, or the grade of an assignment."""
    course_id: str
    """Id of the course in Canvas."""
    course_name: str | None
    """Name of the course in Canvas then."""
    assignment_id: str | None
    """Id of the assignment in Canvas; null for the total of a course."""
    assignment_name: str | None
    """Name of the assignment in Canvas then; null for the total of a course."""
    previous: Score | None
    """Score before, as Canvas showed it; null if there was none."""
    current: Score | None
    """Score that the receipt shows, as Canvas showed it; null if it no longer showed one."""
    baseline: bool
    """Whether the first sync of easeboard found it."""
    connection_id: UUID
    """Id in easeboard of the connection that it was read with."""
    sync_id: UUID
    """Id in easeboard of the sync that found it."""
    class_version: int = 1
    """Version number of the form in which easeboard stores the event."""
    recorded_at: datetime
    """When easeboard recorded it, by the clock of its database: RFC 3339 in UTC."""
    canvas_url: str
    """Address of the Canvas from which easeboard read it."""
    person_id: UUID
    """Id of the user in easeboard."""
    event_id: UUID
    """Id of the event in easeboard, which is that of the grade change."""


class ReceiptOpening(ResponseModel):
    """What shows the content of the event without a key."""

    salt: str
    """The 16 random bytes that easeboard stored encrypted with the content, in base64."""
    plaintext: str
    """The content exactly as easeboard stored it: a JSON text."""


class GradeReceipt(ResponseModel):
    """A file that shows one grade, which anybody can check offline."""

    format: Literal["easeboard.com/grade-receipt/v1"] = Field(examples=[FORMAT])
    """Name of the format of easeboard, with its version."""
    statement: str
    """What easeboard claims with the receipt, in one sentence."""
    grade: ReceiptGrade
    """What easeboard shows with the receipt; it follows from `opening` and `entry`."""
    connection_number: int
    """The number of the connection among those of the user to this Canvas, counted by easeboard."""
    opening: ReceiptOpening
    """Salt and content of the event in easeboard."""
    state: str
    """The event as easeboard stores it: encrypted, with the commitment to its content; base64."""
    entry: str
    """The entry of the event in the log of easeboard, in base64."""
    proof: str
    """The proof that a signed checkpoint of easeboard covers the entry (C2SP tlog-proof)."""
    vkeys: list[str]
    """The keys with which easeboard and its witnesses signed the checkpoint (C2SP vkeys)."""
