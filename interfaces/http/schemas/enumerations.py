"""The values that fields and parameters choose from; each set is one schema of the document."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

CourseState = TypeAliasType(
    "CourseState",
    Annotated[
        Literal["active", "concluded", "restricted", "withdrawn"],
        Field(
            description=(
                "- `active`: a current course\n"
                "- `concluded`: it has ended; its grades stay, and later ones still arrive\n"
                "- `restricted`: Canvas shows only its id, because its dates permit no access\n"
                "- `withdrawn`: Canvas no longer has it for the student: it was deleted, or the"
                " enrollment ended"
            )
        ),
    ],
)
CourseRole = TypeAliasType(
    "CourseRole",
    Annotated[
        Literal["student", "ta", "teacher", "designer", "observer"],
        Field(
            description=(
                "The role of the person in a course. Only courses with the role `student` count in"
                " assignments, grades and the dashboard."
            )
        ),
    ],
)
AssignmentStatus = TypeAliasType(
    "AssignmentStatus",
    Annotated[
        Literal[
            "upcoming",
            "overdue",
            "past",
            "missing",
            "submitted",
            "graded",
            "excused",
            "undated",
        ],
        Field(
            description=(
                "The first of these that holds at the time of the request:\n"
                "- `excused`: Canvas marks it so\n"
                "- `graded`: a posted grade that is final\n"
                "- `submitted`: handed in, without a posted grade or pending review\n"
                "- `missing`: Canvas marks it so\n"
                "- `overdue`: past due, and nothing was handed in online although it should be\n"
                "- `past`: past due, and nothing is handed in online, as for work on paper\n"
                "- `upcoming`: due in the future\n"
                "- `undated`: without a due date"
            )
        ),
    ],
)
GradeSubject = TypeAliasType(
    "GradeSubject",
    Annotated[
        Literal["assignment", "course"],
        Field(description="What a grade is of: one assignment, or the total of a course."),
    ],
)
ConnectionStatus = TypeAliasType(
    "ConnectionStatus",
    Annotated[
        Literal["active", "token_rejected", "closed"],
        Field(
            description=(
                "- `active`: it is synchronised\n"
                "- `token_rejected`: Canvas rejected its token; it waits for a new one\n"
                "- `closed`: its user closed it"
            )
        ),
    ],
)
AuditedConnectionStatus = TypeAliasType(
    "AuditedConnectionStatus",
    Annotated[
        Literal["active", "token_rejected", "closed", "erased"],
        Field(
            description=(
                "- `active`: it is synchronised\n"
                "- `token_rejected`: Canvas rejected its token; it waits for a new one\n"
                "- `closed`: its user closed it\n"
                "- `erased`: its user is erased; only its id and its version are left"
            )
        ),
    ],
)
SyncTrigger = TypeAliasType(
    "SyncTrigger",
    Annotated[
        Literal["setup", "manual", "schedule"],
        Field(
            description=(
                "Why a sync was requested: a connection was set up, its user requested it, or it"
                " was due."
            )
        ),
    ],
)
SyncMode = TypeAliasType(
    "SyncMode",
    Annotated[
        Literal["full", "incremental"],
        Field(description="What a sync reads: every course, or only courses that changed."),
    ],
)
RequestedSyncMode = TypeAliasType(
    "RequestedSyncMode",
    Annotated[
        Literal["auto", "full"],
        Field(description="With `auto` the service chooses what to read, `full` is every course."),
    ],
)
SyncRunStatus = TypeAliasType(
    "SyncRunStatus",
    Annotated[
        Literal["queued", "running", "completed", "partial", "failed", "cancelled"],
        Field(
            description=(
                "- `queued`: it waits for a worker\n"
                "- `running`: a worker reads Canvas\n"
                "- `completed`: everything was read\n"
                "- `partial`: some courses could not be read; `error` is the reason\n"
                "- `failed`: nothing could be read; `error` is the reason\n"
                "- `cancelled`: its user cancelled it, or the connection was closed"
            )
        ),
    ],
)
SyncActivity = TypeAliasType(
    "SyncActivity",
    Annotated[
        Literal["idle", "queued", "running"],
        Field(description="Whether a sync of a connection is queued, running, or neither."),
    ],
)
AssignmentOrder = TypeAliasType(
    "AssignmentOrder",
    Annotated[
        Literal["due_at", "-due_at", "name"],
        Field(
            description="What assignments are sorted by; a leading `-` reverses it.",
            json_schema_extra={"x-enum-varnames": ["DUE_AT", "DUE_AT_DESCENDING", "NAME"]},
        ),
    ],
)
GradeChangeOrder = TypeAliasType(
    "GradeChangeOrder",
    Annotated[
        Literal["changed_at", "-changed_at"],
        Field(
            description="The oldest change first, or with a leading `-` the newest.",
            json_schema_extra={"x-enum-varnames": ["CHANGED_AT", "CHANGED_AT_DESCENDING"]},
        ),
    ],
)
