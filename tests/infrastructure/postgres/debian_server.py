"""A temporary PostgreSQL 15 from the Debian package, if it is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

BINARIES_DIRECTORY = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def postgres15_url(**settings: str) -> Iterator[str | None]:
    """Yield the URL of the database `postgres` of a new server, as superuser; None without it."""
    if not BINARIES_DIRECTORY.exists():
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="easeboard-15-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    data = folder / "data"
    _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    arguments = " ".join(f"-c {name}='{value}'" for name, value in {**options, **settings}.items())
    _run("pg_ctl", "-w", "-D", data, "-l", folder / "log", "-o", arguments, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}&port=5432"
    finally:
        _run("pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _run(program: str, *arguments: str | Path) -> None:
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*prefix, str(BINARIES_DIRECTORY / program), *map(str, arguments)]
    subprocess.run(  # noqa: S603 - a program of Debian
        command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
