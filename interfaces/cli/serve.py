"""`easeboard serve`: the roles of one process, until it is told to stop."""

from interfaces.cli.runtime import configured, run
from interfaces.composition.run_roles import Doors, serve
from interfaces.http.server.listener import listen


def run_service(*, host: str, port: int, roles: frozenset[str]) -> None:
    """Serve until SIGTERM or SIGINT; raises PortTaken or RoleDied."""
    settings = configured()
    port_of_metrics = settings.metrics_port
    doors = Doors(
        api=listen(host, port) if "api" in roles else None,
        metrics=listen(host, port_of_metrics, option="METRICS_PORT") if port_of_metrics else None,
    )
    run(serve(settings, roles, doors))
