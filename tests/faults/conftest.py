"""A house for all who break things in it and leave it whole."""

from collections.abc import Iterator

import pytest

from tests.faults.house import House
from tests.faults.house import house as building


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="how often chance is asked anew")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every fault befalls the house once, or with as many seeds as asked for."""
    if "seed" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--seeds", default=1)
        metafunc.parametrize("seed", range(1, seeds + 1))


@pytest.fixture(scope="session")
def _built() -> Iterator[House]:
    with building() as built:
        yield built


@pytest.fixture
def house(_built: House) -> House:
    _built.mend()
    return _built
