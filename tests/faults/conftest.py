"""The cluster that the fault tests share, and reports of what was left after a failure."""

from collections.abc import Generator, Iterator

import pytest

from tests.faults.cluster import Cluster, running_cluster
from tests.faults.quiescence import read_remaining_work


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeds", type=int, default=1, help="number of random seeds to run each fault test with"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the unfinished work and the logged warnings of the cluster to the report of a failure."""
    report = yield
    cluster = item.funcargs.get("cluster") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(cluster, Cluster):
        report.sections.append(("remaining work", read_remaining_work(cluster.server.url)))
        report.sections.append(("logged warnings", cluster.read_warnings()))
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with a parameter `seed` once for each seed from 1 to `--seeds`."""
    if "seed" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--seeds", default=1)
        metafunc.parametrize("seed", range(1, seeds + 1))


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    _cluster.restore()
    return _cluster
