"""The level of each test, and a PostgreSQL server with a new database for each test."""

import itertools
import logging
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import structlog
from psycopg import sql

from infrastructure.all_migrations import apply_migrations
from infrastructure.observability.json_lines import JsonLineHandler
from infrastructure.postgres.embedded.embedded_postgres import (
    OWNER_ROLE,
    EmbeddedPostgres,
    create_database,
)
from tests.deadlines import scaled
from tests.hidden_secrets import forget_secrets
from tests.long_waits import ORDINARY_WAITS, lengthen_waits
from tests.server_folders import SERVER_SETTINGS, new_server_folder

# How long one example takes depends on what else the machine does.
hypothesis.settings.register_profile("easeboard", deadline=None)
hypothesis.settings.load_profile("easeboard")
# The default shows all local variables of a traceback, which takes up to a minute.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
PROCESS_FOLDERS = (
    "attacks",
    "browser",
    "canary",
    "canvas_cases",
    "end_to_end",
    "event_store_cases",
    "faults",
    "fuzzing",
    "interfaces/cli",
    "interop",
    "operations",
    "scenes",
)
"""Tests below these folders start processes or the whole service."""
DATABASE_FIXTURES = {"embedded_postgres", "postgres15_url"}
TEST_TIMEOUT_SECONDS = 120

_TEMPLATE_DATABASE = "migrated"
_DATABASE_NUMBERS = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its level, and limit its time by the speed of the machine."""
    for item in items:
        item.add_marker(_level(item))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(scaled(TEST_TIMEOUT_SECONDS)))


def _level(item: pytest.Item) -> str:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    if path.startswith(PROCESS_FOLDERS) or item.get_closest_marker("process"):
        return "process"
    uses_postgres = DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
    return "postgres" if uses_postgres or item.get_closest_marker("postgres") else "unit"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Let no test write its log, or hide secrets, as an earlier one has configured it."""
    root = logging.getLogger()
    before = list(root.handlers)
    forget_secrets()
    outcome = yield
    for handler in list(root.handlers):
        if isinstance(handler, JsonLineHandler) and handler not in before:
            root.removeHandler(handler)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start one worker more than there are processors, because many tests only wait."""
    return (yield) + 1


@pytest.fixture(autouse=True)
def _long_waits(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if not request.node.get_closest_marker(ORDINARY_WAITS):
            lengthen_waits(patch)
        yield


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[EmbeddedPostgres]:
    home = new_server_folder()
    with EmbeddedPostgres(home, settings=SERVER_SETTINGS) as server:
        yield server
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_url(embedded_postgres: EmbeddedPostgres) -> str:
    """The URL of the database `postgres`, as superuser."""
    return embedded_postgres.admin_url


@pytest.fixture(scope="session")
def _migrated_template(embedded_postgres: EmbeddedPostgres) -> str:
    create_database(embedded_postgres.admin_url, _TEMPLATE_DATABASE, owner=OWNER_ROLE)
    apply_migrations(embedded_postgres.url_of(_TEMPLATE_DATABASE))
    return _TEMPLATE_DATABASE


@pytest.fixture
def database_url(embedded_postgres: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """The URL of a migrated database for one test, as its owner."""
    yield from _temporary_database(embedded_postgres, _migrated_template)


@pytest.fixture
def empty_database_url(embedded_postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of an empty database for one test, as its owner."""
    yield from _temporary_database(embedded_postgres, "template1")


def _temporary_database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{next(_DATABASE_NUMBERS)}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
            )
        )
    yield server.url_of(name)
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
