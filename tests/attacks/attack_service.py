"""The served process that is attacked, with honest people and everything that surrounds it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from infrastructure.canvas_sandbox.options import SandboxOptions
from tests.attacks.hostile_servers import running_hostile_servers
from tests.attacks.token_issuer import TokenIssuer, new_key
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.faults.cluster import temporary_directory
from tests.faults.process import ServiceProcess
from tests.scenes.population import MASTER_KEY, ScenePerson, connect_people

PEOPLE, COURSES, ASSIGNMENTS = 4, 4, 10
FILE_LIMIT = 1024
"""The usual limit of a shell and of systemd, soft and hard."""
LAUNCHER = ("sh", "-c", f'ulimit -n {FILE_LIMIT} && exec nice -n "$@"', "sh")
"""Sets the limit; the first argument is the priority."""


@dataclass
class AttackService:
    """A process with all roles, its database, its people and the hosts of the attackers."""

    process: ServiceProcess
    url: str
    issuer: TokenIssuer
    people: list[ScenePerson]
    canvas: SandboxTarget
    hostile: list[str]
    """The origins of the hostile Canvas hosts."""
    database: AsyncConnection[Any]
    nice: int

    async def recorded_events(self) -> int:
        """Return how many events the log has."""
        cursor = await self.database.execute("SELECT count(*) FROM easeboard.events")
        [number] = await cursor.fetchone() or [0]
        return int(number)


@asynccontextmanager
async def running_attack_service(url: str, *, nice: int = 0) -> AsyncIterator[AttackService]:
    """Serve on a migrated database, with people whose accounts have been read.

    `nice` is the niceness of the service and of the prober of its health.
    """
    async with AsyncExitStack() as stack:
        home = stack.enter_context(temporary_directory())
        options = SandboxOptions(students=PEOPLE, courses=COURSES, assignments=ASSIGNMENTS)
        canvas = stack.enter_context(running_sandbox_process(options))
        pem, public_jwk = new_key()
        hostile = stack.enter_context(running_hostile_servers(public_jwk))
        people = await connect_people(url, canvas)
        environment = _environment(url, canvas, hostile) | {"EASEBOARD_HOME": str(home)}
        process = ServiceProcess(
            "serve",
            ("serve", "--port", "0"),
            environment,
            home / "serve.log",
            (*LAUNCHER, str(nice)),
        )
        process.start()
        stack.callback(process.kill_if_alive)
        served = process.wait_until_serving()["url"]
        database = await AsyncConnection.connect(url, autocommit=True)
        await stack.enter_async_context(database)
        issuer = TokenIssuer(hostile[0], pem)
        yield AttackService(process, served, issuer, people, canvas, hostile, database, nice)


def _environment(url: str, canvas: SandboxTarget, hostile: list[str]) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
        "SUPABASE_URL": hostile[0],
        "CANVAS_ALLOW_PRIVATE": ",".join(
            origin.removeprefix("http://") for origin in (canvas.url, *hostile)
        ),
        "TRUSTED_PROXIES": "127.0.0.1,127.0.0.2",
        "LOG_LEVEL": "info",
    }
