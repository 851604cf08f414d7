"""`easeboard serve`: runs the roles of one process until it is stopped."""

from interfaces.cli.runtime import configure, run
from interfaces.composition.run_roles import Listeners, serve
from interfaces.http.server.listener import listen


def run_service(*, host: str, port: int, roles: frozenset[str]) -> None:
    """Open the ports, then run the roles until SIGTERM or SIGINT.

    Raises:
        PortUnavailable: If a port cannot be opened.
        RoleFailed: If a role ends before the process is stopped.
    """
    settings = configure()
    metrics_port = settings.metrics_port
    listeners = Listeners(
        api=listen(host, port) if "api" in roles else None,
        metrics=listen(host, metrics_port, option="METRICS_PORT") if metrics_port else None,
    )
    run(serve(settings, roles, listeners))
