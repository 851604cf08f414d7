"""The file in which a demo publishes how other commands reach it while it serves.

It has secrets, so only the user who runs the demo may read it. It is removed when the demo ends; a
file that a killed demo has left is ignored, and the next demo removes it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psutil

from infrastructure.settings.settings import Settings, read_settings
from interfaces.cli.errors import CommandFailed

UNSET_SETTINGS: dict[str, Any] = dict.fromkeys(
    (
        "database_url",
        "database_password",
        "canvas_encryption_key",
        "supabase_url",
        "supabase_issuer",
        "supabase_jwt_secret",
        "supabase_service_key",
        "supabase_anon_key",
        "redis_url",
        "metrics_port",
        "seal_dir",
        "seal_witnesses",
    )
)
"""Settings that the demo does not read from the environment or `.env`."""
START_TIME_TOLERANCE_SECONDS = 2.0
"""How exactly the start of a process must be the published one: another may have its id later."""


class RunningDemo(NamedTuple):
    """A demo that serves: its addresses, its users by role, and its settings."""

    url: str
    sandbox_url: str
    users: Mapping[str, UUID]
    settings: Mapping[str, Any]


def demo_home() -> Path:
    """Return the directory of all demos: EASEBOARD_HOME/demo.

    Raises: InvalidSettings if a setting of the environment is not valid.
    """
    return read_settings(**UNSET_SETTINGS).home / "demo"


def published_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings of a demo with which another process reads the same data."""
    secrets = ("database_url", "canvas_encryption_key", "supabase_jwt_secret")
    texts = {name: getattr(settings, name).get_secret_value() for name in secrets}
    return {
        **texts,
        "canvas_allow_private": ",".join(settings.canvas_allow_private),
        "seal_dir": str(settings.seal_dir),
    }


@contextmanager
def published_demo(demo: RunningDemo) -> Iterator[None]:
    """Publish a demo of this process until the block ends."""
    directory = demo_home() / "running"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_abandoned(directory)
    path = directory / f"{os.getpid()}.json"
    document = orjson.dumps({"started_at": psutil.Process().create_time(), **demo._asdict()})
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(document)
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_running_demo() -> RunningDemo:
    """Return the demo that was started last, of those that serve.

    Raises: CommandFailed if none serves, or if this user may not read its file.
    """
    directory = demo_home() / "running"
    try:
        paths = sorted(directory.glob("*.json"), key=lambda path: -path.stat().st_mtime)
        found = next((demo for path in paths if (demo := _read_live(path))), None)
    except PermissionError:
        raise CommandFailed(
            f"{directory} cannot be read: run this command as the user who runs the demo."
        ) from None
    if found is None:
        raise CommandFailed(
            f"No demo is running in {directory.parent}: start one with easeboard demo, or leave "
            "out --demo."
        )
    return found


def _read_live(path: Path) -> RunningDemo | None:
    """Return the demo of a file; None if its process has ended."""
    try:
        document = orjson.loads(path.read_bytes())
        started_at = psutil.Process(int(path.stem)).create_time()
        if abs(started_at - document.pop("started_at")) > START_TIME_TOLERANCE_SECONDS:
            return None
        users = {role: UUID(user) for role, user in document.pop("users").items()}
        return RunningDemo(users=users, **document)
    except (FileNotFoundError, psutil.NoSuchProcess, ValueError, KeyError, TypeError):
        return None


def _remove_abandoned(directory: Path) -> None:
    for path in (*directory.glob("*.json"), *directory.glob("*.new")):
        if not path.stem.isdecimal() or not psutil.pid_exists(int(path.stem)):
            path.unlink(missing_ok=True)
