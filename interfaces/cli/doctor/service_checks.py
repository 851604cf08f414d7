"""Checks of the running service: read models, processes, connections and Canvas hosts."""

from datetime import datetime

from application.clock import utc_now
from domain.circuit_breaker import CircuitBreaker
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.projection_engine.status import ownership_status, projection_status
from infrastructure.queue.process_warnings import load_warnings
from infrastructure.queue.role_health import connection_demand, load_role_health
from infrastructure.queue.syncing_switch import DESCRIPTIONS, SyncingSwitch
from interfaces.cli.doctor.check import Check, CheckFailed, Installation, Warned
from interfaces.queries.health import MAX_PROJECTION_LAG_SECONDS
from interfaces.queries.sentence_parts import counted


async def check_projections(installation: Installation) -> str | Warned:
    """Check that every read model applies events, and its lag behind the event log."""
    models = await projection_status(installation.reads)
    if not models:
        return "no read models yet; easeboard serve creates them"
    problems = [
        f"{model['name']} is {model['state']}: {model['error']}"
        for model in models
        if model["state"] == "failing"
    ]
    late = [
        f"{model['name']} is {counted(model['lag_events'], 'event')}, "
        f"{model['lag_seconds']:.0f} s behind"
        for model in models
        if model["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS and model["state"] == "live"
    ]
    if late:
        problems += [*late, "start easeboard serve --roles projector"]
    if problems:
        raise CheckFailed(f"{'; '.join(problems)}; see easeboard projections list.")
    if paused := ", ".join(model["name"] for model in models if model["state"] == "paused"):
        return Warned(f"paused: {paused}; easeboard projections resume applies events again")
    lag = max(model["lag_events"] for model in models)
    return f"{counted(len(models), 'read model')}, at most {counted(lag, 'event')} behind"


async def check_dead_letters(installation: Installation) -> str:
    """Check that no event was set aside."""
    models = await projection_status(installation.reads)
    aside = [
        f"{model['name']} {model['dead_letters']}" for model in models if model["dead_letters"]
    ]
    if aside:
        raise CheckFailed(
            f"Events were set aside ({', '.join(aside)}): easeboard projections dead-letters "
            "lists the reasons; --retry or --skip them."
        )
    return "no event was set aside"


async def check_samples(installation: Installation) -> str:
    """Check that the last nightly sample of each read model was what the event log gives."""
    different = [
        each.name for each in await ownership_status(installation.reads) if each.sample_differences
    ]
    if different:
        raise CheckFailed(
            f"Rows are not those of the event log ({', '.join(different)}): easeboard projections "
            "verify compares all; easeboard projections rebuild makes the rows again."
        )
    return "the last nightly sample had no difference"


async def check_processes(installation: Installation) -> str | Warned:
    """Check that each role has a live process; a service that is stopped is no problem.

    A killed process whose roles others have is only worth a warning.
    """
    roles = await load_role_health(installation.reads)
    if not roles:
        return "no process is running; easeboard serve starts one with all roles"
    unhealthy = [f"{each.role}: {each.describe()}" for each in roles if not each.is_healthy]
    if not unhealthy:
        return "each role has a process"
    detail = f"{'; '.join(unhealthy)}. A killed process is listed for 10 minutes"
    if all(each.live_count for each in roles):
        return Warned(f"{detail}; each role has a live process")
    raise CheckFailed(f"{detail}; easeboard serve starts a new one.")


async def check_syncing(installation: Installation) -> str | Warned:
    """Check that this database may sync; a restored copy may not until it is turned on there."""
    state = await SyncingSwitch(installation.reads).state()
    return "on" if state == "on" else Warned(DESCRIPTIONS[state])


async def check_connections(installation: Installation) -> str:
    """Check that PostgreSQL allows as many connections as all processes may open."""
    demand = await connection_demand(installation.reads)
    if demand.required > demand.allowed:
        raise CheckFailed(
            f"All processes together may need {demand.required} database connections, but "
            f"PostgreSQL allows {demand.allowed}: increase {demand.setting} by at least "
            f"{demand.required - demand.allowed}, or run fewer processes."
        )
    return f"all processes need at most {demand.required} of {demand.allowed}"


async def check_proxy(installation: Installation) -> str:
    """Check what processes have found out about their clients: a proxy that no setting names."""
    warnings = await load_warnings(installation.reads)
    if warnings:
        found = {warning.detail: warning.process for warning in warnings}
        raise CheckFailed(
            "; ".join(f"{detail} (process {process})" for detail, process in found.items())
        )
    proxies = ", ".join(installation.settings.trusted_proxies)
    return f"X-Forwarded-For counts from {proxies} (TRUSTED_PROXIES)"


async def check_canvas(installation: Installation) -> str | Warned:
    """List the Canvas hosts with failures; that is no problem of this installation."""
    circuits, now = await load_circuit_breakers(installation.reads), utc_now()
    failing = [
        _describe_host(origin, circuit, now)
        for origin, circuit in circuits.items()
        if circuit.failures
    ]
    return Warned("; ".join(failing)) if failing else "no host has failed since its last response"


def _describe_host(origin: str, circuit: CircuitBreaker, now: datetime) -> str:
    text = f"{origin} has not responded in {counted(circuit.failures, 'run')}"
    until = circuit.open_until
    if until and circuit.state(now) != "closed":
        text += f"; it is tried again at {until:%Y-%m-%d %H:%M:%S} UTC"
    return text


_NEEDS = ("database", "migrations")

SERVICE_CHECKS = (
    Check("projections", check_projections, _NEEDS),
    Check("dead letters", check_dead_letters, _NEEDS),
    Check("samples", check_samples, _NEEDS),
    # A database that takes no writes takes no heartbeats either.
    Check("processes", check_processes, (*_NEEDS, "write access")),
    Check("connections", check_connections, _NEEDS),
    Check("proxy", check_proxy, _NEEDS),
    Check("syncing", check_syncing, _NEEDS),
    Check("canvas", check_canvas, _NEEDS),
)
