"""A house for all who break things in it and leave it whole."""

from collections.abc import Generator, Iterator

import pytest

from tests.faults.cluster import House
from tests.faults.cluster import house as building
from tests.faults.quiescence import left


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="how often chance is asked anew")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whoever reads of a failure reads as well what everybody logged."""
    report = yield
    house = item.funcargs.get("house") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(house, House):
        report.sections.append(("what was left", left(house.server.url)))
        report.sections.append(("what everybody logged", house.tell()))
    return report


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
