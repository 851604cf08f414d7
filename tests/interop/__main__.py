"""Sets up programs of others in a directory of their own, and lets them judge our proofs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements-interop.txt"
GO_SOURCE = Path(__file__).parent / "judges" / "go" / "judge.go"
GO_PATH = Path("/usr/share/gocode")
GO_LIBRARY = GO_PATH / "src" / "golang.org" / "x" / "mod" / "sumdb" / "note" / "note.go"
DEBIAN_PACKAGES = ("golang-go", "golang-golang-x-mod-dev")
JUDGES_VARIABLE = "EASEBOARD_JUDGES"
"""The directory of the judges: its `bin` has `judge`, `aics-tlog`, `aics-witness` and `python`."""


def judges_directory() -> Path:
    """Return the directory for these versions, below the cache of the user."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + GO_SOURCE.read_bytes())
    digest.update(sys.version.encode())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "easeboard" / f"judges-{digest.hexdigest()[:16]}"


def set_up(directory: Path) -> None:
    """Install the judges, unless an earlier run has."""
    finished = directory / "ready"
    if finished.exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(directory))
    # Two of them state Python 3.12 and run on 3.11.
    run(
        *(str(directory / "bin" / "python"), "-m", "pip", "install", "-qq"),
        *("--require-hashes", "--no-deps", "--ignore-requires-python", "-r", str(REQUIREMENTS)),
    )
    ensure_go()
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(GO_PATH),
        "GOCACHE": str(directory / "go-cache"),
        "GOFLAGS": "",
    }
    run("go", "build", "-o", str(directory / "bin" / "judge"), str(GO_SOURCE), env=environment)
    finished.touch()


def ensure_go() -> None:
    """Install Go and its library of transparency logs, if that is missing and permitted."""
    if shutil.which("go") and GO_LIBRARY.exists():
        return
    install = ("apt-get", "install", "-qy", "--no-install-recommends", *DEBIAN_PACKAGES)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        sys.exit(f"make interop needs Go from Debian: sudo {' '.join(install)}")
    run("apt-get", "update", "-q")
    run(*install, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def run(*command: str, env: dict[str, str] | None = None) -> None:
    """Run a command; exit with its code if it fails."""
    code = subprocess.run(command, env=env, check=False).returncode  # noqa: S603  # ours
    if code:
        sys.exit(code)


if __name__ == "__main__":
    judges = judges_directory()
    set_up(judges)
    run(
        *(sys.executable, "-m", "pytest", "-n0", "tests/interop"),
        *sys.argv[1:],
        env=os.environ | {JUDGES_VARIABLE: str(judges)},
    )
