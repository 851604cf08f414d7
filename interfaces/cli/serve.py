"""`easeboard serve`: runs the roles of one process until it is stopped."""

from interfaces.cli.demo_option import demo_settings
from interfaces.cli.runtime import configure, run
from interfaces.composition.run_roles import Listeners, serve
from interfaces.composition.startup_checks import log_missing_issuer, read_service_settings
from interfaces.composition.unknown_settings import log_unknown_settings
from interfaces.http.server.file_budget import raise_file_limit, require_file_budget
from interfaces.http.server.listener import listen


def run_service(*, host: str, port: int, roles: frozenset[str]) -> None:
    """Open the ports, then run the roles until SIGTERM or SIGINT.

    Raises:
        InvalidSettings: If settings are not valid or missing, if a secret is a published example
            and the host no loopback address, or if the file of SEAL_WITNESSES cannot be used.
        FileLimitTooLow: If too few files are left for connections of clients.
        PortUnavailable: If a port cannot be opened.
        RoleFailed: If a role ends before the process is stopped.
    """
    read_service_settings(host, roles, **demo_settings())
    settings = configure()
    log_unknown_settings()
    limit = raise_file_limit()
    if "api" in roles:
        log_missing_issuer(settings)
        require_file_budget(roles, limit)
    metrics_port = settings.metrics_port
    listeners = Listeners(
        api=listen(host, port) if "api" in roles else None,
        metrics=listen(host, metrics_port, option="METRICS_PORT") if metrics_port else None,
    )
    run(serve(settings, roles, listeners))
