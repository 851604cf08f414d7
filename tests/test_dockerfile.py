"""The image is built from pinned files alone, and runs as an ordinary user."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
INSTRUCTION = re.compile(r"^([A-Z]+) (.*)$", re.MULTILINE)
REQUIREMENT = re.compile(r"^[a-z0-9][^\n]*\n(?:    --hash[^\n]*\n?)+", re.MULTILINE)
HASH = re.compile(r"sha256:[0-9a-f]{64}")


def instructions(keyword: str) -> list[str]:
    found = INSTRUCTION.findall(DOCKERFILE)
    return [" ".join(text.split()) for name, text in found if name == keyword]


def pins_of(file: str) -> dict[str, set[str]]:
    """The pinned requirements of a file, `name==version`, and their hashes."""
    blocks = REQUIREMENT.findall((ROOT / file).read_text("utf-8"))
    return {block.split()[0]: set(HASH.findall(block)) for block in blocks}


def test_both_stages_have_the_same_pinned_image() -> None:
    bases = {base.partition(" AS ")[0] for base in instructions("FROM")}
    assert len(instructions("FROM")) == 2
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", bases.pop())


def test_pip_downloads_only_what_has_a_hash() -> None:
    commands = [
        command.strip()
        for line in instructions("RUN")
        for command in line.split("&&")
        if "pip " in command
    ]
    assert len(commands) == 4
    for command in commands:
        assert "--require-hashes" in command or "--no-index" in command, command
        assert "pip wheel" not in command or "--no-build-isolation" in command, command


def test_the_build_backend_is_the_one_that_is_tested() -> None:
    build, development = pins_of("requirements-build.txt"), pins_of("requirements-dev.txt")
    assert any(pin.startswith("hatchling==") for pin in build)
    assert {pin for pin in build.keys() - development.keys() if not pin.startswith("uv==")} == set()
    assert all(development.get(pin, hashes) == hashes for pin, hashes in build.items())


def test_it_runs_as_a_user_without_rights_and_in_exec_form() -> None:
    [user] = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for keyword in ("ENTRYPOINT", "CMD"):
        [text] = instructions(keyword)
        assert json.loads(text)
    [health] = instructions("HEALTHCHECK")
    assert json.loads(health.partition(" CMD ")[2])[:2] == ["python", "-m"]


@pytest.mark.parametrize("source", instructions("COPY"))
def test_everything_that_is_copied_is_sent_to_the_builder(source: str) -> None:
    allowed = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert allowed[0] == "*"
    if not source.startswith("--from"):
        for name in source.split()[:-1]:
            assert (ROOT / name).exists()
            assert f"!{name}" in allowed
