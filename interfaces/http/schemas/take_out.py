"""Schemas of what a person takes along, and of an erasure."""

from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.data import Assignment, Course
from interfaces.http.schemas.grades import Grade, GradeChange
from interfaces.http.schemas.readings import Disclosure
from interfaces.http.schemas.response_model import ResponseModel
from interfaces.http.schemas.syncs import Sync

AuthUserState = TypeAliasType(
    "AuthUserState",
    Annotated[
        Literal["kept", "waiting"],
        Field(
            description=(
                "What an erasure does with the user at Supabase:\n"
                "- `kept`: it stays as it is\n"
                "- `waiting`: it is deleted some seconds later"
            )
        ),
    ],
)


class Account(ResponseModel):
    """What easeboard knows of a user as a whole."""

    id: UUID
    """Id of the user in easeboard, which is that at Supabase."""
    roles: list[str]
    """Roles of the user in easeboard, from the token of this request."""
    calendar_shared_at: datetime | None
    """When easeboard made the address of the calendar: RFC 3339 in UTC; null without one."""
    erased_at: datetime | None
    """When easeboard erased the data of the user: RFC 3339 in UTC; null if it has not."""


class OwnEvent(ResponseModel):
    """An event that easeboard recorded about the user."""

    position: int
    """Position in the event log of easeboard."""
    event_id: UUID
    """Id of the event in easeboard."""
    connection_id: UUID | None
    """Connection in easeboard that it is about; null if it is about the user as a whole."""
    stream: str
    """What its stream is about: `connection`, `sync`, `readings`, `calendar`, `lists`, `erasure`,
    by easeboard."""
    version: int
    """Number of the event in its stream in easeboard, from 1."""
    type: str
    """Type of the event in easeboard, such as `GradeChanged`."""
    recorded_at: datetime
    """When easeboard recorded it, by the clock of its database: RFC 3339 in UTC."""
    actor: str
    """Who caused it: the id of a user, or a part of easeboard."""
    correlation_id: str | None
    """Id that easeboard gave to all that one request or sync caused."""
    causation_id: UUID | None
    """Id of the event in easeboard that caused this one."""
    payload: dict[str, Any]
    """What easeboard recorded; `{"redacted": true}` after an erasure."""


class TakeOut(ResponseModel):
    """Everything that easeboard knows about a user."""

    exported_at: datetime
    """When easeboard wrote the document: RFC 3339 in UTC."""
    account: Account
    """What easeboard knows of the user as a whole."""
    connections: list[Connection]
    """The open connections in easeboard."""
    courses: list[Course]
    """All courses, as easeboard shows them now."""
    assignments: list[Assignment]
    """All assignments, as easeboard shows them now."""
    grades: list[Grade]
    """The grades of all courses, as easeboard shows them now."""
    grade_changes: list[GradeChange]
    """Every change of a grade that easeboard found."""
    syncs: list[Sync]
    """All syncs of easeboard, newest first."""
    disclosures: list[Disclosure]
    """Who read data of the user in easeboard, newest first, as in `/api/v1/me/disclosures`."""
    history: list[OwnEvent]
    """All events that easeboard recorded about the user, oldest first."""


class AcceptedErasure(ResponseModel):
    """An erasure that was executed, and what follows it."""

    user_id: UUID
    """Id of the user in easeboard, which is that at Supabase."""
    erased: bool
    """Whether easeboard has erased the data; always true."""
    auth_user: AuthUserState
    """What easeboard does with the user at Supabase."""


NOT_IN_CSV = {"grades": frozenset({"assignments"})}
"""Members without a column, because another file has them."""


def csv_columns(part: str) -> list[str]:
    """Return the columns of the CSV file of a part: the members of its documents.

    Members of an object inside are named `object.member`; a list is one column.
    """
    [document] = get_args(TakeOut.model_fields[part].annotation)
    names: list[str] = []
    for name, field in document.model_fields.items():
        inner = _model_in(field.annotation)
        if inner:
            names += [f"{name}.{each}" for each in inner.model_fields]
        elif name not in NOT_IN_CSV.get(part, ()):
            names.append(name)
    return names


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of an annotation such as `Term | None`; None for all others."""
    kinds = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
    models = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return next(models, None)
