"""The service as it runs beyond one process: every role apart, on one PostgreSQL, over one line."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.queue.database_schema import bring_up_to_date
from tests.dev_tokens import SECRET
from tests.faults.flaky_proxy import Line
from tests.faults.process import PATIENCE, Process

KEY = "0123456789abcdefghijklmnopqrstuv"
STUDENTS = 6
EVERYBODY = ("api", "api", "worker", "worker", "scheduler", "projector")


class House:
    """A server of its own, a Canvas, and processes of these roles; nothing is shared."""

    def __init__(
        self, home: Path, server: EmbeddedPostgres, line: Line, *, students: int, courses: int
    ) -> None:
        self.home, self.server, self.line = home, server, line
        self._many = students
        self.canvas = self._process(
            "canvas", "sandbox", "--port", "0", "--students", str(students), "--courses",
            str(courses), "--assignments", "5", "--latency-ms", "150",
        )  # fmt: skip
        self.parts: list[Process] = []
        self._urls: dict[str, str] = {}

    def move_in(self, roles: Sequence[str], **variables: str) -> None:
        """Start the Canvas, then one process for each of these roles."""
        self.canvas.start()
        self.students = self._students()
        host = self.students[0]["canvas_url"].removeprefix("http://")
        for number, role in enumerate(roles):
            part = self._process(
                f"{role} {number}", "serve", "--port", "0", "--roles", role,
                DATABASE_URL=self.line.url,
                CANVAS_ENCRYPTION_KEY=KEY,
                SUPABASE_JWT_SECRET=SECRET,
                CANVAS_ALLOW_PRIVATE=host,
                LOG_LEVEL="info",
                **variables,
            )  # fmt: skip
            self.parts.append(part)
        self.mend()

    def of(self, role: str) -> list[Process]:
        """The processes that have a role."""
        return [part for part in self.parts if role in part.arguments[-1]]

    @property
    def urls(self) -> list[str]:
        """Where the living processes answer; they forget a client's address when they move."""
        return [
            self._urls[part.name]
            for part in self.of("api")
            if part.is_alive and part.name in self._urls
        ]

    def start(self, *parts: Process) -> None:
        """Start processes again, and wait until they serve."""
        for part in parts:
            self._urls.pop(part.name, None)
            part.start()
        for part in parts:
            url = part.wait_until_serving()["url"]
            if url:
                self._urls[part.name] = url

    def mend(self) -> None:
        """Let everything run that is not running, over a line that works."""
        self.line.mend()
        self.start(*(part for part in self.parts if not part.is_alive))

    def tell(self) -> str:
        """What everybody logged of any weight, for whoever has to find out."""
        logs = [part.log for part in (*self.parts, self.canvas)]
        return "\n".join(f"---- {log.name}\n{_weighty(log)}" for log in logs if log.exists())

    def move_out(self) -> None:
        """Leave nothing running."""
        for part in (*self.parts, self.canvas):
            part.end()

    def _process(self, name: str, *arguments: str, **variables: str) -> Process:
        environment = {"EASEBOARD_HOME": str(self.home), **variables}
        return Process(name, arguments, environment, self.home / f"{name}.log")

    def _students(self) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if len(lines := self.canvas.lines()) == self._many:
                return lines
            time.sleep(0.02)
        raise AssertionError(f"the sandbox does not serve: {self.canvas.log.read_text()}")


@contextmanager
def house(
    roles: Sequence[str] = EVERYBODY,
    *,
    home: Path | None = None,
    students: int = STUDENTS,
    courses: int = 4,
    **variables: str,
) -> Iterator[House]:
    """A house with nobody in it yet but these roles, gone with the block."""
    with ExitStack() as stack:
        home = home or stack.enter_context(folder())
        # Processes are killed here, never the power: fsync would only slow this down.
        server = stack.enter_context(EmbeddedPostgres(home, settings={"fsync": "off"}))
        bring_up_to_date(server.url)
        line = stack.enter_context(Line(server.url))
        built = House(home, server, line, students=students, courses=courses)
        stack.callback(built.move_out)
        built.move_in(roles, **variables)
        yield built


@contextmanager
def folder() -> Iterator[Path]:
    """A folder the server's account may enter, whoever runs the tests."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-faults-")).resolve()
    yield home
    shutil.rmtree(home, ignore_errors=True)


def _weighty(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(
        [line for line in lines if '"level":"info"' not in line.replace(" ", "")][-60:]
    )
