"""Describes differences of rows: which columns changed, and rows that took each other's place."""

from collections.abc import Iterator, Sequence

from infrastructure.seals.entry import LogEntry, encode_entry
from infrastructure.seals.merkle import leaf_hash
from infrastructure.seals.verification.findings import Finding, FindingKind
from infrastructure.seals.verification.row_differences import RowDifference

KIND_BY_FIELD: dict[str, FindingKind] = {
    "state": "state changed",
    "actor": "actor changed",
    "recorded_at": "time changed",
}
EXCHANGES: dict[str, tuple[FindingKind, str]] = {
    "person_id": ("people exchanged", "the people of both rows were exchanged"),
    "state": ("states exchanged", "the states of both rows were exchanged"),
}


def describe(differences: Sequence[RowDifference]) -> Iterator[Finding]:
    """Yield a finding for each difference; a row that was moved is one and not two."""
    moved = _moved_rows(differences)
    for difference in differences:
        if difference.position in moved.values() and difference.entry_index is None:
            continue
        if not difference.has_row:
            yield _describe_missing(difference, moved)
        elif difference.entry_index is None:
            yield _describe_inserted(difference)
        else:
            yield _describe_changed(difference, differences)


def changed_fields(sealed: LogEntry, actual: LogEntry) -> tuple[str, ...]:
    """Return the columns in which a row differs from its sealed entry."""
    return tuple(
        "state" if name == "state_digest" else name
        for name in LogEntry._fields
        if getattr(sealed, name) != getattr(actual, name)
    )


def _describe_missing(difference: RowDifference, moved: dict[int, int]) -> Finding:
    sealed, position, index = difference.sealed, difference.position, difference.entry_index
    if position in moved:
        return Finding(
            kind="row moved",
            detail=f"The row at position {moved[position]} was at position {position}.",
            position=position,
            index=index,
            fields=("position",),
            event_id=_event_id(sealed),
        )
    where = f"at position {position}" if position is not None else f"with the index {index}"
    what = f" ({_text(sealed.topic)})" if sealed else ""
    return Finding(
        kind="row missing",
        detail=f"The row {where}{what} is missing.",
        position=position,
        index=index,
        event_id=_event_id(sealed),
    )


def _describe_inserted(difference: RowDifference) -> Finding:
    actual = difference.actual
    what = f" ({_text(actual.topic)})" if actual else ""
    return Finding(
        kind="row inserted",
        detail=f"The row at position {difference.position}{what} was inserted: it is not sealed.",
        position=difference.position,
        event_id=_event_id(actual),
    )


def _describe_changed(difference: RowDifference, differences: Sequence[RowDifference]) -> Finding:
    sealed, actual = difference.sealed, difference.actual
    fields = changed_fields(sealed, actual) if sealed and actual else ()
    kind, reason = _kind_of(fields), _values(fields, sealed, actual)
    if partner := _swapped_with(difference, differences):
        kind, reason = "rows swapped", f"it took the place of the row at {partner.position}"
    elif len(fields) == 1 and fields[0] in EXCHANGES:
        for other in differences:
            if _is_exchanged(difference, other, fields[0]):
                kind, what = EXCHANGES[fields[0]]
                reason = f"{what} (the other one is at position {other.position})"
                break
    return Finding(
        kind=kind,
        detail=f"The row at position {difference.position} was changed: {reason}.",
        position=difference.position,
        index=difference.entry_index,
        fields=fields,
        event_id=_event_id(sealed or actual),
    )


def _kind_of(fields: Sequence[str]) -> FindingKind:
    return KIND_BY_FIELD.get(fields[0], "row changed") if len(fields) == 1 else "row changed"


def _values(fields: Sequence[str], sealed: LogEntry | None, actual: LogEntry | None) -> str:
    """Return what the changed columns were and are; of a state only that it differs."""
    if not sealed or not actual or not fields:
        return "its hash is not the sealed one"
    parts = []
    for name in fields:
        if name == "state":
            parts.append("the stored state differs")
        elif name == "recorded_at":
            parts.append(f"recorded_at is {_time(actual)}, sealed was {_time(sealed)}")
        else:
            before, now = _text(getattr(sealed, name)), _text(getattr(actual, name))
            parts.append(f"{name} is {now}, sealed was {before}")
    return "; ".join(parts)


def _swapped_with(
    difference: RowDifference, differences: Sequence[RowDifference]
) -> RowDifference | None:
    """Return the row that has the sealed content of this one, and the other way round."""
    for other in differences:
        if (
            other is not difference
            and _took_place(difference, other)
            and (_took_place(other, difference))
        ):
            return other
    return None


def _took_place(row: RowDifference, place: RowDifference) -> bool:
    """Return whether the row is what was sealed in the place of the other one."""
    if not row.actual or place.sealed_hash is None or place.position is None:
        return False
    moved = row.actual._replace(position=place.position)
    return leaf_hash(encode_entry(moved)) == place.sealed_hash


def _is_exchanged(one: RowDifference, other: RowDifference, name: str) -> bool:
    if other is one or not (one.sealed and one.actual and other.sealed and other.actual):
        return False
    field = "state_digest" if name == "state" else name
    return (getattr(one.actual, field), getattr(one.sealed, field)) == (
        getattr(other.sealed, field),
        getattr(other.actual, field),
    )


def _moved_rows(differences: Sequence[RowDifference]) -> dict[int, int]:
    """Return the present positions of rows by their sealed ones, if only the position changed."""
    inserted = {
        each.actual._replace(position=0): each.position
        for each in differences
        if each.entry_index is None and each.actual and each.position is not None
    }
    found = {
        each.position: inserted.get(each.sealed._replace(position=0))
        for each in differences
        if each.sealed and not each.has_row and each.position is not None
    }
    return {position: now for position, now in found.items() if now is not None}


def _event_id(entry: LogEntry | None) -> str | None:
    return str(entry.event_id) if entry else None


def _time(entry: LogEntry) -> str:
    try:
        return entry.recorded_time.isoformat()
    except OverflowError:
        return "out of range"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return repr(value.decode("utf-8", "replace"))
    return "NULL" if value is None else str(value)
