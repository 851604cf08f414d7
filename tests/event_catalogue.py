"""The event catalogue, `docs/events.md`, made from the code.

Names, types and meanings are those of the event classes and of the docstrings below their fields.
"""

import ast
import inspect
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple, get_args, get_type_hints, is_typeddict

import domain.events
from domain.aggregate import Aggregate
from domain.event import EVENT_TYPES, Event
from infrastructure.metrics.sync_metrics import STATUS_BY_EVENT
from interfaces.live.messages import SUBSCRIBED_TOPICS
from projections.registry import READ_MODELS
from tests.event_usage import appliers_of, parse_source, recorders_of

LIVE_MESSAGES = "[live messages](../interfaces/live/messages.py)"
RUN_METRICS = "[log message and metrics of runs](../infrastructure/metrics/sync_metrics.py)"

PAGE_TEMPLATE = """\
# Events

Every event that the log can contain, in the order in which they happen. This page is made from
the code: do not edit it, run `make documents`. Terms are in the [glossary](glossary.md); to add or
change an event, follow [add an event](guides/add-an-event.md) or
[change an event](guides/change-an-event.md).

- *Recorded by* names the methods of aggregates that decide it, *changes the state of* the
  aggregates that use it for later decisions.
- *Subscribers* are the read models and other parts that receive it. Auditors can read every event.
- *Encrypted* events are stored encrypted with the key of the person
  ([decision 2](decisions/0002-encrypted-events.md)).
- *Since* is the class version that introduced a field. Older stored events get the field from an
  upcaster when they are read.
- Every event also has its stream, its version in the stream and its time, its actor, and the ids of
  its correlation and its cause ([decision 47](decisions/0047-causes-of-events.md)); these are
  columns of the log. The state is stored as JSON: a `UUID` is text, a record is an object.
- Names of events and fields never change: they are stored
  ([decision 5](decisions/0005-stable-event-names.md)).

| event | recorded by | subscribers | encrypted |
| --- | --- | --- | --- |
{overview}

{events}

## Records

Fields of events that are records.

{records}
"""


class Field(NamedTuple):
    """A field of an event or record, as its class defines it."""

    name: str
    type: str
    meaning: str


def render_event_catalogue() -> str:
    """`docs/events.md`."""
    return PAGE_TEMPLATE.format(
        overview="\n".join(map(_overview_row, catalogued_events())),
        events="\n\n".join(_event_sections()),
        records="\n\n".join(map(_record_section, _records())),
    )


def catalogued_events() -> list[type[Event]]:
    """Every event, in the order of `domain.events`."""
    return [EVENT_TYPES[name] for name in domain.events.__all__]


def fields_of(record: type) -> list[Field]:
    """The fields of a class and its bases in `domain`, in the order of their definition."""
    bases = [base for base in reversed(record.__mro__) if base.__module__.startswith("domain.")]
    return [field for base in bases for field in _own_fields(base)]


def _own_fields(record: type) -> Iterator[Field]:
    (definition,) = parse_source(record).body
    assert isinstance(definition, ast.ClassDef)
    following: list[ast.stmt | None] = [*definition.body[1:], None]
    for statement, after in zip(definition.body, following, strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            type_text = ast.unparse(statement.annotation)
            if not type_text.startswith("ClassVar"):
                yield Field(statement.target.id, type_text, _docstring(after))


def _docstring(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return inspect.cleandoc(str(statement.value.value)).replace("\n", " ")
    return ""


def _first_version(event: type[Event], field: str) -> int:
    """The class version that introduced a field: the one whose upcaster sets it, else 1."""
    for version in range(2, _class_version(event) + 1):
        upcaster = getattr(event, f"upcast_v{version - 1}_v{version}")
        if f'state["{field}"] =' in inspect.getsource(upcaster):
            return version
    return 1


def _class_version(event: type[Event]) -> int:
    return getattr(event, "class_version", 1)


def _overview_row(event: type[Event]) -> str:
    cells = [
        f"[{event.__name__}](#{event.__name__.lower()})",
        _recorders(event),
        ", ".join(_subscribers(event)) or "none",
        "yes" if event.ENCRYPTED else "**no**",
    ]
    return f"| {' | '.join(cells)} |"


def _event_sections() -> Iterator[str]:
    for module, events in groupby(catalogued_events(), key=inspect.getmodule):
        path = f"domain/events/{module.__name__.rpartition('.')[2]}.py" if module else ""
        yield f"## [{path}](../{path})\n\n{inspect.getdoc(module)}"
        yield from map(_event_section, events)


def _event_section(event: type[Event]) -> str:
    facts = [
        f"- Recorded by: {_recorders(event)}",
        f"- Changes the state of: {', '.join(map(_link, appliers_of(event))) or 'nothing'}",
        f"- Subscribers: {', '.join(_subscribers(event)) or 'none'}",
        f"- Encrypted: {'yes' if event.ENCRYPTED else 'no'}",
        f"- Class version: {_class_version(event)}",
        *_upcasters(event),
    ]
    rows = [
        f"| `{field.name}` | `{_cell(field.type)}` | {_cell(field.meaning)}"
        f" | {_first_version(event, field.name)} |"
        for field in fields_of(event)
    ]
    table = ["| field | type | meaning | since |", "| --- | --- | --- | --- |", *rows]
    blocks = [f"### {event.__name__}", inspect.getdoc(event) or "", "\n".join(facts)]
    return "\n\n".join([*blocks, "\n".join(table) if rows else "No fields."])


def _recorders(event: type[Event]) -> str:
    methods = [f"{_link(aggregate)}`.{method}`" for aggregate, method in recorders_of(event)]
    return ", ".join(methods) or "nothing yet"


def _subscribers(event: type[Event]) -> list[str]:
    models = [
        f"[{model.name}](../projections/{model.name}/projector.py)"
        for model in READ_MODELS
        if event in model.subscribes_to
    ]
    live = [LIVE_MESSAGES] if event.__name__ in SUBSCRIBED_TOPICS else []
    return models + live + ([RUN_METRICS] if event in STATUS_BY_EVENT else [])


def _upcasters(event: type[Event]) -> Iterator[str]:
    for version in range(2, _class_version(event) + 1):
        name = f"upcast_v{version - 1}_v{version}"
        yield f"- Upcaster `{name}`: {inspect.getdoc(getattr(event, name))}"


def _link(aggregate: type[Aggregate]) -> str:
    return f"[`{aggregate.__name__}`](../{aggregate.__module__.replace('.', '/')}.py)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _records() -> list[type]:
    hints = [hint for event in catalogued_events() for hint in get_type_hints(event).values()]
    return list(dict.fromkeys(record for hint in hints for record in _records_in(hint)))


def _records_in(hint: Any) -> Iterator[type]:
    if is_typeddict(hint):
        yield hint
        for inner in get_type_hints(hint).values():
            yield from _records_in(inner)
    for part in get_args(hint):
        yield from _records_in(part)


def _record_section(record: type) -> str:
    path = f"{record.__module__.replace('.', '/')}.py"
    heading = f"### {record.__name__}\n\n{inspect.getdoc(record)} See [{path}](../{path})."
    fields = fields_of(record)
    if not any(field.meaning for field in fields):
        return f"{heading}\n\n{', '.join(f'`{field.name}: {field.type}`' for field in fields)}."
    rows = [
        f"| `{field.name}` | `{_cell(field.type)}` | {_cell(field.meaning)} |" for field in fields
    ]
    return "\n".join([f"{heading}\n", "| field | type | meaning |", "| --- | --- | --- |", *rows])
