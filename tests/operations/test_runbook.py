"""Executes every command of docs/operations.md as it is written."""

import re
import shlex
from collections.abc import Callable

import pytest
import yaml
from typer.testing import CliRunner

from interfaces.cli.main import app
from tests.deadlines import scaled
from tests.operations.installation import Installation
from tests.operations.runbook import RUNBOOK, blocks_of, code_blocks

KINDS = {"sh", "sql", "console", "nginx", "yaml"}
"""`sh` is executed here, `sql` and `nginx` elsewhere, `yaml` is parsed, `console` needs Docker."""
SERVE = re.compile(r"easeboard serve\b.*")

PREPARATIONS: dict[str, Callable[[Installation], None]] = {
    "Restore": Installation.use_new_database,
}
"""What the text above the first block of a heading tells the operator to do by hand."""


@pytest.mark.timeout(scaled(300))
def test_every_command_works_in_a_shell_that_has_only_dot_env(installation: Installation) -> None:
    installation.use_new_database()
    installation.run("easeboard migrate")
    prepared = set()
    for block in blocks_of("sh"):
        if block.heading in PREPARATIONS and block.heading not in prepared:
            installation.stop_all()
            PREPARATIONS[block.heading](installation)
        prepared.add(block.heading)
        for command in re.split(r"^(easeboard serve.*)$", block.text, flags=re.MULTILINE):
            if SERVE.fullmatch(command):
                installation.stop_all()
                installation.serve(command)
            elif command.strip():
                installation.run(command)
    restored = installation.run("easeboard with-database psql -Atc 'SELECT current_database()'")
    assert restored.stdout.startswith("easeboard ")


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.kind for block in code_blocks()} == KINDS
    assert len(blocks_of("sh")) >= 10


def test_every_block_of_yaml_can_be_parsed() -> None:
    for block in blocks_of("yaml"):
        assert yaml.safe_load(block.text), block.heading


def test_commands_for_docker_name_services_and_commands_that_exist() -> None:
    services = yaml.safe_load((RUNBOOK.parents[1] / "docker-compose.yml").read_text("utf-8"))[
        "services"
    ]
    [block] = blocks_of("console")
    for line in block.text.splitlines():
        assert line.startswith("$ docker compose "), line
        words = shlex.split(line.partition(">")[0])[3:]
        if words[0] == "up":
            scaled_services = [word.partition("=")[0] for word in words if "=" in word]
            assert set(scaled_services) <= services.keys()
            continue
        assert words[0] in {"exec", "run"}
        service, *command = [word for word in words[1:] if not word.startswith("-")]
        assert service in services, line
        if "build" in services[service]:
            # `run` has the entry point of the image before its arguments, `exec` has not.
            arguments = command[words[0] == "exec" :]
            assert words[0] == "run" or command[0] == "easeboard", line
            assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0, line


def test_the_override_for_another_database_reaches_every_process() -> None:
    [override] = [
        yaml.safe_load(block.text) for block in blocks_of("yaml") if "x-database" in block.text
    ]
    services = yaml.safe_load((RUNBOOK.parents[1] / "docker-compose.yml").read_text("utf-8"))[
        "services"
    ]
    ours = {name for name, service in services.items() if "build" in service}
    assert override["services"].pop("service-login") == {"command": ["true"]}
    assert override["services"].keys() == ours
    assert all("outside" in service["networks"] for service in override["services"].values())
