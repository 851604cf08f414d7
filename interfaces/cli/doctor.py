"""`easeboard doctor`: whether everything is in order, and the way out where it is not."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg
from rich.text import Text

from application.clock import the_time
from infrastructure.canvas.circuit_breakers import circuits
from infrastructure.crypto.key_check import check_canary
from infrastructure.postgres.conninfo import conninfo
from infrastructure.postgres.database_address import database
from infrastructure.postgres.pools import reads, writes
from infrastructure.queue.database_schema import bring_up_to_date, missing_of
from infrastructure.queue.role_health import Demand, cast, demand
from interfaces.cli.errors import one_line
from interfaces.cli.output import console, print_json, print_table
from interfaces.cli.runtime import configured, run
from interfaces.composition.bootstrap import bootstrap, master_keys
from interfaces.http.auth.dev_secret import signing_secret
from interfaces.queries.health import LAG_SECONDS

SLOW_CLOCK = 2.0
"""Seconds the database's clock may differ from ours."""


CHECKS = (
    "configuration",
    "database",
    "clock",
    "migrations",
    "keys",
    "projections",
    "roles",
    "canvas",
)
"""What is checked, in this order: methods of Examination."""


class Finding(NamedTuple):
    """What a check found; `ok` is None where it could not be made."""

    check: str
    ok: bool | None
    detail: str


class Wrong(Exception):
    """Something is not in order; the message says what, and the way out."""


def examine(*, json: bool) -> None:
    """Print what every check found; exits 1 when something is wrong."""
    with ExitStack() as stack:
        findings = list(_findings(Examination(stack)))
    well = all(finding.ok for finding in findings)
    if json:
        print_json({"ok": well, "checks": [finding._asdict() for finding in findings]})
    else:
        words = {True: Text("ok", "green"), False: Text("wrong", "red"), None: Text("not checked")}
        print_table(["check", "", "what"], [(f.check, words[f.ok], f.detail) for f in findings])
        console.print("Everything is in order." if well else "Something is wrong.")
    if not well:
        raise SystemExit(1)


def _findings(examination: "Examination") -> Iterator[Finding]:
    """Check one thing after another; what builds on something wrong is not checked."""
    broken: str | None = None
    for name in CHECKS:
        if broken:
            yield Finding(name, None, f"{broken} first")
            continue
        try:
            yield Finding(name, True, getattr(examination, name)())
        except Exception as error:  # noqa: BLE001  # whatever is wrong is what was asked for
            yield Finding(name, False, one_line(error))
            broken = None if name == "clock" else name


class Examination:
    """The checks in order: each says what it found, or raises what is wrong."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def configuration(self) -> str:
        """The settings, and whether anybody could log in."""
        self._settings = settings = configured()
        if not settings.supabase_url and not signing_secret(settings):
            raise Wrong("Nobody can log in: set SUPABASE_URL, or SUPABASE_JWT_SECRET.")
        master_keys(settings)
        return f"embedded, home {settings.home}" if settings.embedded else "DATABASE_URL is set"

    def database(self) -> str:
        """Whether it answers, and which it is."""
        self._url = self._stack.enter_context(database(self._settings))
        return f"PostgreSQL {self._ask('SHOW server_version')}"

    def clock(self) -> str:
        """How far the database's clock is from ours."""
        before = time.time()
        theirs = float(self._ask("SELECT extract(epoch FROM clock_timestamp())"))
        ahead = theirs - (before + time.time()) / 2
        if abs(ahead) > SLOW_CLOCK:
            raise Wrong(f"The database's clock is {ahead:+.1f} s from ours: set both by NTP.")
        return f"{ahead * 1000:+.0f} ms"

    def migrations(self) -> str:
        """Whether the schema is the one of this program."""
        if self._settings.embedded:
            bring_up_to_date(self._url)
        missing = missing_of(self._url)
        if missing:
            raise Wrong(f"{', '.join(missing)} not applied: run easeboard migrate.")
        return "up to date"

    def keys(self) -> str:
        """Whether the master key is the one the database was sealed with."""
        ring = master_keys(self._settings)
        with writes(self._url, size=1) as pool:
            check_canary(pool, ring)
        return f"{', '.join(ring.ids)} opens what is sealed"

    def projections(self) -> str:
        """How far the read models are behind the log."""
        models = run(_projections())
        if not models:
            return "none yet: easeboard serve makes them"
        late = [model for model in models if model["lag_seconds"] > LAG_SECONDS]
        if late:
            worst = max(late, key=lambda model: model["lag_seconds"])
            raise Wrong(
                f"{', '.join(model['name'] for model in late)} behind, {worst['name']} by "
                f"{worst['lag_events']} events ({worst['lag_seconds']:.0f} s): "
                "run easeboard serve with the role projector."
            )
        return f"{len(models)} read models, at most {max(m['lag_events'] for m in models)} behind"

    def roles(self) -> str:
        """Whether every role is played, where any process runs, and PostgreSQL has room for all."""
        cast, connections = run(_cast())
        if not cast:
            return "no process runs: easeboard serve plays them all"
        wrong = [f"{role}: {word}" for role, word in cast.items() if word != "ok"]
        if wrong:
            raise Wrong("; ".join(wrong))
        if connections.wanted > connections.allowed:
            raise Wrong(
                f"They may need {connections.wanted} connections, PostgreSQL allows "
                f"{connections.allowed}: raise its max_connections."
            )
        return f"all are played; {connections.wanted} connections of {connections.allowed} at most"

    def canvas(self) -> str:
        """Which hosts of Canvas do not answer; that is nothing wrong here."""
        silent = run(_silent(self._url))
        return "; ".join(silent) or "no host is silent"

    def _ask(self, question: str) -> Any:
        with psycopg.connect(conninfo(self._url, name="doctor")) as connection:
            row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None


async def _projections() -> list[dict[str, Any]]:
    async with bootstrap(configured()) as running:
        models: list[dict[str, Any]] = await running.service.projections()
        return models


async def _cast() -> tuple[dict[str, str], Demand]:
    async with bootstrap(configured()) as running:
        return await cast(running.pools.reads), await demand(running.pools.reads)


async def _silent(url: str) -> list[str]:
    async with reads(url, size=1) as pool:
        found, now = await circuits(pool), the_time()
    return [
        f"{origin} has not answered {circuit.failures} runs, next try at {at:%Y-%m-%d %H:%M:%S} UTC"
        for origin, circuit in found.items()
        if (at := circuit.open_until) and circuit.state(now) != "closed"
    ]
