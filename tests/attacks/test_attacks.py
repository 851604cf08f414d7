"""The registry has every attack module; `make attacks` runs the attacks and measures them."""

from tests.attacks.attack import Attack
from tests.attacks.attack_registry import ATTACKS


def test_every_attack_is_registered() -> None:
    assert set(ATTACKS.values()) >= set(_leaves(Attack))


def _leaves(attack: type[Attack]) -> set[type[Attack]]:
    subclasses = attack.__subclasses__()
    return {attack} if not subclasses else set().union(*map(_leaves, subclasses))
