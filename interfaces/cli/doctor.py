"""`easeboard doctor`: checks the installation and prints how to correct each problem."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg

from application.clock import utc_now
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.crypto.key_check import check_master_key
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.database_address import open_database
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.queue.role_health import ConnectionDemand, connection_demand, role_health
from interfaces.cli.errors import describe_in_one_line, print_debug_traceback
from interfaces.cli.output import Styled, print_json, print_line, print_table
from interfaces.cli.projections import load_projection_status
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.startup_checks import ensure_migrated, load_master_keys
from interfaces.http.auth.signing_secret import signing_secret
from interfaces.queries.health import MAX_PROJECTION_LAG_SECONDS

MAX_CLOCK_SKEW_SECONDS = 2.0
"""Allowed difference between the clocks of the database and of this machine."""


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
"""The checks in their order, each a method of Checks."""


class CheckResult(NamedTuple):
    """The result of a check; `ok` is None if it was not made because an earlier one failed."""

    check: str
    ok: bool | None
    detail: str


class CheckFailed(Exception):
    """A check found a problem; the message names it and what to do."""


def run_doctor(*, json: bool) -> None:
    """Print the result of every check.

    Raises: SystemExit with exit code 1 if a check failed.
    """
    with ExitStack() as stack:
        results = list(_run_checks(Checks(stack)))
    healthy = all(result.ok for result in results)
    if json:
        print_json({"ok": healthy, "checks": [result._asdict() for result in results]})
    else:
        labels = {
            True: Styled("ok", "green"),
            False: Styled("failed", "red"),
            None: "not checked",
        }
        print_table(
            ["check", "result", "details"],
            [(result.check, labels[result.ok], result.detail) for result in results],
        )
        failed = "Some checks failed: correct them in this order and run easeboard doctor again."
        print_line("All checks passed." if healthy else failed)
    if not healthy:
        raise SystemExit(1)


def _run_checks(checks: "Checks") -> Iterator[CheckResult]:
    """Make the checks in order; after a failed one the rest is not checked, as it depends on it.

    Only the clock is different: no other check depends on it.
    """
    failed_check: str | None = None
    for name in CHECKS:
        if failed_check:
            yield CheckResult(name, None, f"correct {failed_check} first")
            continue
        try:
            yield CheckResult(name, True, getattr(checks, name)())
        except Exception as error:  # noqa: BLE001  # every error is a finding
            print_debug_traceback(error)
            yield CheckResult(name, False, describe_in_one_line(error))
            failed_check = None if name == "clock" else name


class Checks:
    """The checks: each returns what it found, or raises an error that describes the problem.

    Later checks use what `configuration` and `database` have stored.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def configuration(self) -> str:
        """Check the settings, and whether tokens of clients can be verified."""
        self._settings = settings = configure()
        if not settings.supabase_url and not signing_secret(settings):
            raise CheckFailed(
                "The tokens of clients cannot be verified: set SUPABASE_URL or SUPABASE_JWT_SECRET."
            )
        load_master_keys(settings)
        if settings.embedded:
            return f"embedded database in {settings.home} (EASEBOARD_HOME)"
        return "database of DATABASE_URL"

    def database(self) -> str:
        """Check that the database responds, and return its version."""
        self._url = self._stack.enter_context(open_database(self._settings))
        return f"PostgreSQL {self._query('SHOW server_version')}"

    def clock(self) -> str:
        """Compare the clocks of the database and of this machine."""
        before = time.time()
        database_time = float(self._query("SELECT extract(epoch FROM clock_timestamp())"))
        skew_seconds = database_time - (before + time.time()) / 2
        if abs(skew_seconds) > MAX_CLOCK_SKEW_SECONDS:
            raise CheckFailed(
                f"The clock of the database differs by {skew_seconds:+.1f} s from the clock of "
                "this machine: synchronise both by NTP, for example with timedatectl set-ntp true."
            )
        return f"{skew_seconds * 1000:+.0f} ms between database and this machine"

    def migrations(self) -> str:
        """Check that every migration of this program has been applied."""
        ensure_migrated(self._settings, self._url)
        return "all applied"

    def keys(self) -> str:
        """Check that the master keys can decrypt the database."""
        ring = load_master_keys(self._settings)
        with open_write_pool(self._url, size=1) as pool:
            check_master_key(pool, ring)
        return f"the database can be decrypted (CANVAS_ENCRYPTION_KEY: {', '.join(ring.ids)})"

    def projections(self) -> str:
        """Check the lag of the read models behind the event log."""
        models = run(load_projection_status())
        if not models:
            return "no read models yet; easeboard serve creates them"
        late_models = [
            model for model in models if model["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS
        ]
        if late_models:
            lags = [
                f"{model['name']} by {model['lag_events']} events, {model['lag_seconds']:.0f} s"
                for model in late_models
            ]
            raise CheckFailed(
                f"Read models are behind the event log ({'; '.join(lags)}): start "
                "easeboard serve --roles projector; easeboard projections list has their states."
            )
        lag = max(model["lag_events"] for model in models)
        return f"{len(models)} read models, at most {lag} events behind"

    def roles(self) -> str:
        """Check that each role has a live process, and that there are enough connections.

        If no process runs at all, that is no problem: the service is stopped.
        """
        health_by_role, demand = run(_role_health())
        if not health_by_role:
            return "no process is running; easeboard serve starts one with all roles"
        unhealthy = [
            f"{role}: {status}" for role, status in health_by_role.items() if status != "ok"
        ]
        if unhealthy:
            raise CheckFailed(
                f"{'; '.join(unhealthy)}. A killed process is listed for 10 minutes; "
                "easeboard serve starts a new one."
            )
        if demand.required > demand.allowed:
            raise CheckFailed(
                f"All processes together may need {demand.required} database connections, but "
                f"PostgreSQL allows {demand.allowed}: increase its setting max_connections by at "
                f"least {demand.required - demand.allowed}, or run fewer processes."
            )
        return (
            f"each role has a process; they need at most {demand.required} of {demand.allowed} "
            "database connections"
        )

    def canvas(self) -> str:
        """List the Canvas hosts that do not respond; that is no problem of this installation."""
        unavailable_hosts = run(_describe_unavailable_hosts(self._url))
        return "; ".join(unavailable_hosts) or "no host is known to be unavailable"

    def _query(self, statement: str) -> Any:
        with psycopg.connect(build_conninfo(self._url, name="doctor")) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


async def _role_health() -> tuple[dict[str, str], ConnectionDemand]:
    async with bootstrap(configure()) as process:
        pool = process.pools.read_pool
        return await role_health(pool), await connection_demand(pool)


async def _describe_unavailable_hosts(url: str) -> list[str]:
    async with open_read_pool(url, size=1) as pool:
        circuits, now = await load_circuit_breakers(pool), utc_now()
    return [
        f"{origin} has not responded in {circuit.failures} runs; "
        f"it is tried again at {until:%Y-%m-%d %H:%M:%S} UTC"
        for origin, circuit in circuits.items()
        if (until := circuit.open_until) and circuit.state(now) != "closed"
    ]
