"""Divides read models among processes: who owns which, so that each has about as many."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple


class OwnedModel(NamedTuple):
    """A read model as its row states it: the definition of its live version, and its owner."""

    name: str
    definition: str
    """`name:fingerprint`; a process that has this definition can apply events."""
    owner: str | None
    """None if the lease of the last owner has ended."""


def plan_owners(
    models: Sequence[OwnedModel],
    definitions: Mapping[str, Collection[str]],
    read_together: Iterable[Collection[str]] = (),
) -> dict[str, str]:
    """Return the owner that each read model should have, by its name.

    `definitions` has those of each live process. Read models that are read together get the same
    owner, because only then they move together. As few as possible change their owner. Every
    process that calculates this from the same rows gets the same result.
    """
    units = list(_units(models, definitions, read_together))
    loads = dict.fromkeys(sorted(definitions), 0)
    plan: dict[int, str] = {}
    for index, unit in sorted(enumerate(units), key=lambda item: -len(item[1].names)):
        plan[index] = unit.owner or min(unit.candidates, key=lambda name: (loads[name], name))
        loads[plan[index]] += len(unit.names)
    while move := _best_move(units, plan, loads):
        index, target = move
        loads[plan[index]] -= len(units[index].names)
        loads[target] += len(units[index].names)
        plan[index] = target
    return {name: plan[index] for index, unit in enumerate(units) for name in unit.names}


def candidates_of(definition: str, definitions: Mapping[str, Collection[str]]) -> list[str]:
    """Return the processes that may own a read model, sorted.

    If none has the definition of its live version, all may: they rebuild it.
    """
    able = [process for process, known in sorted(definitions.items()) if definition in known]
    return able or sorted(definitions)


class _Unit(NamedTuple):
    """Read models that get the same owner."""

    names: list[str]
    candidates: list[str]
    owner: str | None


def _units(
    models: Sequence[OwnedModel],
    definitions: Mapping[str, Collection[str]],
    read_together: Iterable[Collection[str]],
) -> Iterable[_Unit]:
    sets = [frozenset(names) for names in read_together]
    grouped: dict[tuple[str, tuple[str, ...]], list[OwnedModel]] = {}
    for model in sorted(models):
        together = next((names for names in sets if model.name in names), {model.name})
        candidates = tuple(candidates_of(model.definition, definitions))
        grouped.setdefault((min(together), candidates), []).append(model)
    for (_, candidates), members in grouped.items():
        owners = [each.owner for each in members if each.owner in candidates]
        most = max(sorted(filter(None, set(owners))), key=owners.count, default=None)
        yield _Unit([each.name for each in members], list(candidates), most)


def _best_move(
    units: Sequence[_Unit], plan: Mapping[int, str], loads: Mapping[str, int]
) -> tuple[int, str] | None:
    """Return the unit and its new owner that make the loads most equal; None if none does."""
    best: tuple[int, int, str] | None = None
    for index, unit in enumerate(units):
        weight, load = len(unit.names), loads[plan[index]]
        target = min(unit.candidates, key=lambda name: (loads[name], name))
        if loads[target] + weight >= load:
            continue
        move = (max(load - weight, loads[target] + weight) - load, index, target)
        best = min(best or move, move)
    return best[1:] if best else None
