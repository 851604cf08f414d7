"""The types, the typed client and the examples in documents match the API, compile, and work."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import token_of
from tests.end_to_end.conftest import Client
from tests.end_to_end.cuttable_relay import cuttable_relay
from tests.end_to_end.node_scripts import NPM, run_node, running_script
from tests.generate_documents import REGENERATE_COMMAND, ROOT

TYPESCRIPT = ROOT / "interfaces" / "http" / "typescript"
SCRIPTS = Path(__file__).parent / "typescript"
GUIDE = ROOT / "docs" / "for-frontend-developers.md"
COMPILER = Path("node_modules") / "typescript" / "bin" / "tsc"
CLIENT_FILES = ("client.ts", "openapi.d.ts")
PROJECT_FILES = (
    "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", ".npmrc",
)  # fmt: skip
PUBLISHED_FILES = {"client.js", "client.d.ts", "openapi.d.ts", "package.json"}
EXPIRING_TOKEN_SECONDS = 2


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the locked npm packages, the client, and the example of the README."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in (*PROJECT_FILES, *CLIENT_FILES):
        shutil.copy(TYPESCRIPT / name, folder / name)
    asyncio.run(run_node(folder, NPM, "ci"))
    examples = folder / "examples"
    shutil.copytree(SCRIPTS, examples)
    (snippet,) = typescript_blocks(ROOT / "README.md")
    (examples / "app.ts").write_text(snippet)
    for number, block in enumerate(typescript_blocks(GUIDE)):
        (examples / f"guide-{number}.ts").write_text(block)
    for name in CLIENT_FILES:
        shutil.copy(TYPESCRIPT / name, examples / name)
    return folder


def typescript_blocks(document: Path) -> list[str]:
    """Return the code blocks of a document that are TypeScript; there is at least one."""
    blocks = re.findall(r"```ts\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    assert blocks, f"{document} has no TypeScript"
    return blocks


async def test_the_types_match_the_openapi_document(project_folder: Path) -> None:
    tool = project_folder / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    generated = project_folder / "generated.d.ts"
    await run_node(project_folder, tool, ROOT / "docs" / "openapi.json", "--output", generated)
    committed = (TYPESCRIPT / "openapi.d.ts").read_text("utf-8")
    assert generated.read_text("utf-8") == committed, (
        f"openapi.d.ts is stale: run `{REGENERATE_COMMAND}`"
    )


async def test_the_client_and_the_examples_in_documents_compile(project_folder: Path) -> None:
    await run_node(project_folder, COMPILER)


async def test_a_type_error_is_reported(project_folder: Path) -> None:
    wrong_file = project_folder / "examples" / "wrong.ts"
    wrong_file.write_text(
        'import type { Schemas } from "./client.ts";\n'
        'export const status: Schemas["Sync"]["status"] = "asleep";\n'
    )
    try:
        with pytest.raises(AssertionError, match="asleep"):
            await run_node(project_folder, COMPILER, "--skipLibCheck")
    finally:
        wrong_file.unlink()


async def test_the_package_that_can_be_published_has_its_code_and_its_types(
    project_folder: Path,
) -> None:
    output = await run_node(project_folder, NPM, "pack", "--json", "--silent")
    (package,) = json.loads(output[output.index("[\n") :])
    assert package["name"] == "easeboard-client"
    assert {Path(file["path"]).name for file in package["files"]} == PUBLISHED_FILES
    await run_node(
        project_folder,
        *("--input-type=module", "--eval"),
        'import { createEaseboard } from "easeboard-client";'
        'createEaseboard({ url: "http://127.0.0.1", getToken: () => "" }).follow.call',
    )


async def test_the_snippet_works(project_folder: Path, client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    courses = (await client.get("/api/v1/canvas/courses"))["items"]
    arguments = ("examples/run-readme.ts", client.url, token_of(client.person))
    async with running_script(project_folder, *arguments) as script:
        await script.wait_for("Live messages arrive now.")
        for course in courses:
            score = course["current_score"]
            assert (
                f"{course['name']}: {'null' if score is None else format(score, 'g')}"
                in script.lines
            )
        assignment = await set_score(client, sandbox, 1.25)
        await client.sync(connection["id"])
        await script.wait_for(f"{assignment['name']}: 1.25")
        assert await script.end_input() == 0


async def test_the_client_sends_requests_as_the_documents_recommend(
    project_folder: Path, client: Client, sandbox: Sandbox
) -> None:
    await client.connect(sandbox)
    token = token_of(client.person)
    arguments = ("examples/requests.ts", client.url, token, sandbox.url)
    printed = json.loads((await run_node(project_folder, *arguments)).splitlines()[-1])
    assignments = (await client.get("/api/v1/canvas/assignments?limit=500"))["items"]
    assert printed["courses"] == len(sandbox.control.courses())
    assert printed["names"] == [assignment["name"] for assignment in assignments]
    assert len(printed["names"]) > 5
    assert printed["renewals"] == 1
    assert printed["started"] in printed["runs"]
    assert printed["afterDamage"] == 1
    assert printed["refused"]["type"] == "/problems/not-found"
    assert printed["thrown"]["type"] == "/problems/invalid-request"
    assert (printed["foreign"]["type"], printed["foreign"]["status"]) == ("about:blank", 401)
    check_sent_headers(printed["sent"], printed["commandToken"])


def check_sent_headers(sent: list[dict[str, Any]], command_token: str) -> None:
    """Each POST has a key, and what reads after a command has its token, also a calculation.

    A damaged token is forgotten.
    """
    assert command_token
    posts = [index for index, request in enumerate(sent) if request["method"] == "POST"]
    at = posts[0]
    assert posts == [at, at + 1]
    assert all(sent[index]["key"] for index in posts)
    assert sent[at]["consistency"] is None
    assert sent[at + 1]["consistency"] == command_token
    assert sent[at + 2]["consistency"]
    damaged, again = sent[at + 3], sent[at + 4]
    assert damaged["consistency"]
    assert again["consistency"] is None
    assert not any(request["key"] for request in sent if request["method"] == "GET")


async def test_the_client_follows_across_an_expired_token_and_a_broken_connection(
    project_folder: Path, client: Client, sandbox: Sandbox
) -> None:
    connection = await client.connect(sandbox)
    port = urlsplit(client.url).port
    assert port
    tokens = (token_of(client.person, ttl=EXPIRING_TOKEN_SECONDS), token_of(client.person))
    async with (
        cuttable_relay(port) as relay,
        running_script(project_folder, "examples/follow.ts", relay.url, *tokens) as script,
    ):
        await script.wait_for({"renewed": True})
        await script.wait_for({"state": "open"})
        relay.cut()
        await script.wait_for({"state": "waiting"})
        await set_score(client, sandbox, 1.25)
        await client.sync(connection["id"])
        relay.restore()
        await script.wait_for({"missed": True})
        await script.wait_for({"newest": 1.25})
        await set_score(client, sandbox, 2.5)
        await client.sync(connection["id"])
        await script.wait_for({"grade": 2.5})
        assert await script.end_input() == 0
    assert script.lines[0] == '{"state":"connecting"}'
    assert script.lines[-1] == '{"state":"closed"}'
    assert script.lines.count('{"renewed":true}') == 1


async def set_score(client: Client, sandbox: Sandbox, score: float) -> dict[str, Any]:
    """Change the score of the first graded assignment in Canvas, and return the assignment."""
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"]
    assignment: dict[str, Any] = next(
        item for item in graded if item["grading_type"] == "points" and item["submission"]
    )
    sandbox.control.set_grade(assignment["canvas_id"], score=score)
    return assignment


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (TYPESCRIPT / "package-lock.json").read_text("utf-8")
