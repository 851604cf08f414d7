"""`easeboard doctor`: whether everything is in order, and the way out where it is not."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg
from rich.text import Text

from application.clock import utc_now
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.crypto.key_check import check_master_key
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.database_address import open_database
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.queue.database_schema import apply_migrations, missing_migrations
from infrastructure.queue.role_health import ConnectionDemand, connection_demand, role_health
from interfaces.cli.errors import describe_in_one_line
from interfaces.cli.output import console, print_json, print_table
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap, load_master_keys
from interfaces.http.auth.dev_secret import signing_secret
from interfaces.queries.health import MAX_PROJECTION_LAG_SECONDS

MAX_CLOCK_SKEW_SECONDS = 2.0
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
"""What is checked, in this order: methods of Checks."""


class CheckResult(NamedTuple):
    """What a check found; `ok` is None where it could not be made."""

    check: str
    ok: bool | None
    detail: str


class CheckFailed(Exception):
    """Something is not in order; the message says what, and the way out."""


def run_doctor(*, json: bool) -> None:
    """Print what every check found; exits 1 when something is wrong."""
    with ExitStack() as stack:
        results = list(_run_checks(Checks(stack)))
    healthy = all(result.ok for result in results)
    if json:
        print_json({"ok": healthy, "checks": [result._asdict() for result in results]})
    else:
        labels = {True: Text("ok", "green"), False: Text("wrong", "red"), None: Text("not checked")}
        print_table(
            ["check", "", "what"],
            [(result.check, labels[result.ok], result.detail) for result in results],
        )
        console.print("Everything is in order." if healthy else "Something is wrong.")
    if not healthy:
        raise SystemExit(1)


def _run_checks(checks: "Checks") -> Iterator[CheckResult]:
    """Check one thing after another; what builds on something wrong is not checked."""
    failed_check: str | None = None
    for name in CHECKS:
        if failed_check:
            yield CheckResult(name, None, f"{failed_check} first")
            continue
        try:
            yield CheckResult(name, True, getattr(checks, name)())
        except Exception as error:  # noqa: BLE001  # whatever is wrong is what was asked for
            yield CheckResult(name, False, describe_in_one_line(error))
            failed_check = None if name == "clock" else name


class Checks:
    """The checks in order: each says what it found, or raises what is wrong."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def configuration(self) -> str:
        """The settings, and whether anybody could log in."""
        self._settings = settings = configure()
        if not settings.supabase_url and not signing_secret(settings):
            raise CheckFailed("Nobody can log in: set SUPABASE_URL, or SUPABASE_JWT_SECRET.")
        load_master_keys(settings)
        return f"embedded, home {settings.home}" if settings.embedded else "DATABASE_URL is set"

    def database(self) -> str:
        """Whether it answers, and which it is."""
        self._url = self._stack.enter_context(open_database(self._settings))
        return f"PostgreSQL {self._query('SHOW server_version')}"

    def clock(self) -> str:
        """How far the database's clock is from ours."""
        before = time.time()
        database_time = float(self._query("SELECT extract(epoch FROM clock_timestamp())"))
        skew_seconds = database_time - (before + time.time()) / 2
        if abs(skew_seconds) > MAX_CLOCK_SKEW_SECONDS:
            raise CheckFailed(
                f"The database's clock is {skew_seconds:+.1f} s from ours: set both by NTP."
            )
        return f"{skew_seconds * 1000:+.0f} ms"

    def migrations(self) -> str:
        """Whether the schema is the one of this program."""
        if self._settings.embedded:
            apply_migrations(self._url)
        missing = missing_migrations(self._url)
        if missing:
            raise CheckFailed(f"{', '.join(missing)} not applied: run easeboard migrate.")
        return "up to date"

    def keys(self) -> str:
        """Whether the master key is the one the database was sealed with."""
        ring = load_master_keys(self._settings)
        with open_write_pool(self._url, size=1) as pool:
            check_master_key(pool, ring)
        return f"{', '.join(ring.ids)} opens what is sealed"

    def projections(self) -> str:
        """How far the read models are behind the log."""
        models = run(_projection_status())
        if not models:
            return "none yet: easeboard serve makes them"
        late_models = [
            model for model in models if model["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS
        ]
        if late_models:
            worst = max(late_models, key=lambda model: model["lag_seconds"])
            raise CheckFailed(
                f"{', '.join(model['name'] for model in late_models)} behind, {worst['name']} by "
                f"{worst['lag_events']} events ({worst['lag_seconds']:.0f} s): "
                "run easeboard serve with the role projector."
            )
        return f"{len(models)} read models, at most {max(m['lag_events'] for m in models)} behind"

    def roles(self) -> str:
        """Whether every role is played, where any process runs, and PostgreSQL has room for all."""
        health_by_role, demand = run(_role_health())
        if not health_by_role:
            return "no process runs: easeboard serve plays them all"
        unhealthy = [
            f"{role}: {status}" for role, status in health_by_role.items() if status != "ok"
        ]
        if unhealthy:
            raise CheckFailed("; ".join(unhealthy))
        if demand.required > demand.allowed:
            raise CheckFailed(
                f"They may need {demand.required} connections, PostgreSQL allows "
                f"{demand.allowed}: raise its max_connections."
            )
        return f"all are played; {demand.required} connections of {demand.allowed} at most"

    def canvas(self) -> str:
        """Which hosts of Canvas do not answer; that is nothing wrong here."""
        unavailable_hosts = run(_open_circuit_breakers(self._url))
        return "; ".join(unavailable_hosts) or "no host is silent"

    def _query(self, statement: str) -> Any:
        with psycopg.connect(build_conninfo(self._url, name="doctor")) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


async def _projection_status() -> list[dict[str, Any]]:
    async with bootstrap(configure()) as process:
        models: list[dict[str, Any]] = await process.service.projection_status()
        return models


async def _role_health() -> tuple[dict[str, str], ConnectionDemand]:
    async with bootstrap(configure()) as process:
        pool = process.pools.read_pool
        return await role_health(pool), await connection_demand(pool)


async def _open_circuit_breakers(url: str) -> list[str]:
    async with open_read_pool(url, size=1) as pool:
        circuits, now = await load_circuit_breakers(pool), utc_now()
    return [
        f"{origin} has not answered {circuit.failures} runs, "
        f"next try at {until:%Y-%m-%d %H:%M:%S} UTC"
        for origin, circuit in circuits.items()
        if (until := circuit.open_until) and circuit.state(now) != "closed"
    ]
