"""Installs easeboard and the packages that it needs into `.venv`; `make` calls it.

    python3 .make/install.py runtime    what the program needs to run
    python3 .make/install.py dev        also the tools that test and lint it

It uses nothing but Python's own library, may be interrupted, and continues what is there.
Packages are those of the requirements files, with their hashes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
INSTALLER = VENV / "installer"
"""The directory of uv and of the build backend, apart from the packages of the program."""
REQUIREMENTS = {"runtime": "requirements.txt", "dev": "requirements-dev.txt"}
UV_NAMES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}
"""Variables that configure pip, and those with which uv does the same."""
MIN_PYTHON = (3, 11)
STARTED_AT = time.monotonic()


class InstallFailed(Exception):
    """A step failed; the message has the reason and what to do."""


def install(what: str) -> None:
    """Create the environment, and install the packages of one requirements file.

    Raises: InstallFailed.
    """
    if sys.version_info < MIN_PYTHON:
        raise InstallFailed("easeboard needs Python 3.11 or newer; name one: make demo PYTHON=…")
    if not _has_installer():
        _create_environment()
        _install_installer()
    _install_packages(REQUIREMENTS[what])
    _step("Installing easeboard from this directory")
    _run([*_uv(), "--no-deps", "--no-build-isolation", "--editable", "."])
    _step("The environment is complete: .venv")


def _has_installer() -> bool:
    marker = INSTALLER / "complete"
    return marker.is_file() and marker.read_text() == _digest("requirements-build.txt")


def _create_environment() -> None:
    _step("Creating .venv")
    if (VENV / "pyvenv.cfg").exists():
        return_code, _ = _output([str(BIN / "python"), "-m", "pip", "--version"])
        if return_code == 0:
            return
    return_code, text = _output([sys.executable, "-m", "venv", str(VENV)])
    if return_code:
        raise InstallFailed(f"{text}\nThe environment .venv cannot be created; see above.")


def _install_installer() -> None:
    _step("Downloading the installer uv")
    shutil.rmtree(INSTALLER, ignore_errors=True)
    options = ["-qq", "--disable-pip-version-check", "--require-hashes", "--no-compile"]
    target = ["--target", str(INSTALLER), "--requirement", "requirements-build.txt"]
    _run([str(BIN / "python"), "-m", "pip", "install", *options, *target])
    (INSTALLER / "complete").write_text(_digest("requirements-build.txt"))


def _install_packages(requirements: str) -> None:
    count = sum("==" in line for line in (ROOT / requirements).read_text().splitlines())
    _step(f"Installing up to {count} packages of {requirements}")
    options = ["--require-hashes", "--requirement", requirements]
    try:
        _run([*_uv(), "--no-deps", *options])
    except InstallFailed:
        # uv does not read the configuration of pip, which may name the only reachable index.
        _step("uv failed: trying pip, which takes longer")
        _run([str(BIN / "python"), "-m", "pip", "install", "--no-compile", "--no-deps", *options])


def _uv() -> list[str]:
    program = INSTALLER / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    return [str(program), "pip", "install", "--python", str(BIN / "python")]


def _run(command: list[str]) -> None:
    """Run a command and print its output without the line of each package.

    Raises: InstallFailed if it fails.
    """
    # The build backend is found without being a package of the environment.
    environment = {
        **{UV_NAMES[name]: value for name, value in os.environ.items() if name in UV_NAMES},
        **os.environ,
        "PYTHONPATH": str(INSTALLER),
        "VIRTUAL_ENV": str(VENV),
    }
    with subprocess.Popen(  # noqa: S603  # commands of this file
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in shown_lines(process.stdout or ()):
            print(f"           {line}", flush=True)
    if process.returncode:
        raise InstallFailed(f"{Path(command[0]).name} failed; its last lines have the reason.")


def _output(command: list[str]) -> tuple[int, str]:
    result = subprocess.run(  # noqa: S603  # commands of this file
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.returncode, (result.stdout + result.stderr).strip()


def shown_lines(lines: Iterable[str]) -> Iterator[str]:
    """Return the lines of uv and pip without those that name one installed package each."""
    for line in lines:
        text = line.strip()
        if text and not text.startswith(("+ ", "- ", "~ ", "Requirement already satisfied")):
            yield text


def _digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _step(text: str) -> None:
    print(f"[{time.monotonic() - STARTED_AT:5.1f} s]  {text}", flush=True)


def main() -> int:
    """Run the command line; returns 0, 1 if a step failed, or 2 for a wrong argument."""
    if len(sys.argv) != 2 or sys.argv[1] not in REQUIREMENTS:  # noqa: PLR2004  # the program and what to install
        print(__doc__, file=sys.stderr)
        return 2
    try:
        install(sys.argv[1])
    except InstallFailed as error:
        print(f"easeboard: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the same command continues.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
