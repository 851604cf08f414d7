import resource
import subprocess
import sys

import pytest

from infrastructure.queue.role_health import ROLES
from interfaces.http.server.file_budget import (
    MAX_CLIENT_CONNECTIONS,
    MIN_CLIENT_CONNECTIONS,
    FileLimitTooLow,
    file_budget,
    require_file_budget,
)
from tests.interfaces.cli.run_cli import ROOT

RAISE_LIMIT = """
import resource
from interfaces.http.server.file_budget import raise_file_limit
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
assert raise_file_limit() == hard == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""


@pytest.mark.parametrize("roles", [ROLES, ("api",)], ids=["all", "api"])
@pytest.mark.parametrize("limit", [700, 1024, 4096, 65536, 1 << 30])
def test_what_a_process_may_open_is_within_its_limit(limit: int, roles: tuple[str, ...]) -> None:
    budget = require_file_budget(roles, limit)
    assert budget.limit == limit
    assert MIN_CLIENT_CONNECTIONS <= budget.clients <= MAX_CLIENT_CONNECTIONS
    assert budget.clients + budget.database + budget.canvas < limit - 100
    assert budget.database >= 19
    assert budget.canvas >= 64


@pytest.mark.parametrize("limit", [0, 64, 256, 512])
def test_a_limit_that_is_too_low_is_refused_with_one_that_is_enough(limit: int) -> None:
    with pytest.raises(FileLimitTooLow, match=rf"may open {limit} files") as refused:
        require_file_budget(ROLES, limit)
    message = str(refused.value)
    for way in ("ulimit -n", "LimitNOFILE=", "ulimits"):
        assert way in message
    advised = int(message.partition("at least ")[2].partition(":")[0])
    assert require_file_budget(ROLES, advised)
    with pytest.raises(FileLimitTooLow):
        require_file_budget(ROLES, advised - 256)


def test_eight_thousand_connections_are_the_most() -> None:
    assert file_budget(ROLES, 1 << 20).clients == MAX_CLIENT_CONNECTIONS == 8192


def test_the_soft_limit_is_raised_to_the_hard_limit() -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 300
    subprocess.run([sys.executable, "-c", RAISE_LIMIT], check=True, cwd=ROOT)  # noqa: S603  # our own
