"""Random commands, deaths, late commits, clock steps and failovers against a model of the log.

The laws are those of docs/consistency.md. `make soak` tries longer than CI.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.event_store_cases.database_copies import CopiedDatabase
from tests.event_store_cases.log_machine import LogMachine
from tests.event_store_cases.sizes import is_soak, tries


@pytest.fixture
def pristine(embedded_postgres: EmbeddedPostgres, database_url: str) -> CopiedDatabase:
    return CopiedDatabase(embedded_postgres, database_url)


@pytest.mark.timeout(3600 if is_soak() else 600)
def test_every_reader_sees_what_the_log_was(pristine: CopiedDatabase) -> None:
    machine = type("PreparedMachine", (LogMachine,), {"pristine": pristine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=tries(8, 300),
            stateful_step_count=tries(30, 60),
            deadline=None,
            phases=[Phase.generate],  # an example takes seconds, so shrinking would take hours
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
