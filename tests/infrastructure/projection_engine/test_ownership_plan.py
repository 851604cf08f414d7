"""Read models are divided equally among processes, and keep their owners where that is possible."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from infrastructure.projection_engine.ownership_plan import OwnedModel, plan_owners

NAMES = "abcdefg"
TOGETHER = (frozenset("abcd"),)
OWNERS = st.lists(st.sampled_from([None, "p1", "p2", "p3", "dead"]), min_size=7, max_size=7)
PROCESSES = st.sets(st.sampled_from(["p1", "p2", "p3", "p4"]), min_size=1)


def models_of(owners: Sequence[str | None]) -> list[OwnedModel]:
    return [OwnedModel(name, f"{name}:1", owner) for name, owner in zip(NAMES, owners, strict=True)]


def definitions_of(processes: set[str]) -> dict[str, list[str]]:
    return {process: [f"{name}:1" for name in NAMES] for process in processes}


@given(OWNERS, PROCESSES)
def test_loads_differ_by_one_at_most(owners: list[str | None], processes: set[str]) -> None:
    plan = plan_owners(models_of(owners), definitions_of(processes))
    loads = [list(plan.values()).count(process) for process in processes]
    assert plan.keys() == set(NAMES)
    assert max(loads) - min(loads) <= 1


@given(OWNERS, PROCESSES)
def test_what_is_read_together_has_one_owner(owners: list[str | None], processes: set[str]) -> None:
    plan = plan_owners(models_of(owners), definitions_of(processes), TOGETHER)
    assert len({plan[name] for name in "abcd"}) == 1
    assert set(plan.values()) <= processes
    if len(processes) > 1:
        assert max(list(plan.values()).count(process) for process in processes) == 4


@given(OWNERS, PROCESSES)
def test_a_plan_that_is_carried_out_is_not_changed(
    owners: list[str | None], processes: set[str]
) -> None:
    definitions = definitions_of(processes)
    plan = plan_owners(models_of(owners), definitions, TOGETHER)
    carried_out = models_of([plan[name] for name in NAMES])
    assert plan_owners(carried_out, definitions, TOGETHER) == plan


def test_a_new_process_gets_its_part_and_the_others_keep_theirs() -> None:
    plan = plan_owners(models_of(["p1"] * 4 + ["p2"] * 3), definitions_of({"p1", "p2", "p3"}))
    assert [plan[name] for name in NAMES].count("p3") == 2
    kept = [name for name, owner in plan.items() if owner == ("p1" if name in "abcd" else "p2")]
    assert len(kept) == 5


def test_only_a_process_with_the_definition_owns_a_read_model() -> None:
    models = models_of([None] * 7)
    old, new = [f"{name}:0" for name in NAMES], [f"{name}:1" for name in NAMES]
    assert set(plan_owners(models, {"old": old, "new": new}).values()) == {"new"}
    assert set(plan_owners(models, {"old": old}).values()) == {"old"}, "nobody has it"
