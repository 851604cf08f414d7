"""A Python client that is generated from the OpenAPI document works with the live service."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import token_of
from tests.end_to_end.conftest import Client
from tests.generate_documents import ROOT

PACKAGE = "easeboard_client"
CONFIGURATION = """\
post_hooks: []
content_type_overrides:
  application/x-ndjson: text/plain
  application/zip: application/octet-stream
"""
"""The generator would format the code with ruff, and has no name for these types."""
SCRIPT = """\
import asyncio
import json
import sys

from easeboard_client import AuthenticatedClient
from easeboard_client.api.connections import set_up_connection
from easeboard_client.api.dashboard import get_stats
from easeboard_client.api.data import (
    calculate_what_if,
    get_assignment,
    get_course,
    list_assignments,
    list_courses,
    list_grade_changes,
    list_grades,
)
from easeboard_client.api.syncs import get_sync_status, list_syncs
from easeboard_client.models import (
    AssignmentOrder,
    GradeChangeOrder,
    NewConnection,
    PageOfAssignment,
    ProblemDocument,
    WhatIf,
    WhatIfScores,
)


async def main(url: str, token: str, canvas_url: str, canvas_token: str) -> dict:
    async with AuthenticatedClient(
        base_url=url, token=token, raise_on_unexpected_status=True
    ) as client:
        courses = await list_courses.asyncio(client=client)
        assignments = await list_assignments.asyncio(
            client=client, sort=AssignmentOrder.DUE_AT_DESCENDING, limit=500
        )
        assert isinstance(assignments, PageOfAssignment)
        course, assignment = courses.items[0], assignments.items[0]
        scores = WhatIfScores()
        scores[str(assignment.id)] = assignment.points_possible
        body = NewConnection(canvas_url=canvas_url, api_token=canvas_token)
        problem = await set_up_connection.asyncio(client=client, body=body)
        assert isinstance(problem, ProblemDocument), problem
        results = {
            "courses": courses,
            "course": await get_course.asyncio(course.id, client=client),
            "assignments": assignments,
            "assignment": await get_assignment.asyncio(assignment.id, client=client),
            "grades": await list_grades.asyncio(client=client),
            "history": await list_grade_changes.asyncio(
                client=client, sort=GradeChangeOrder.CHANGED_AT_DESCENDING, baseline=True
            ),
            "stats": await get_stats.asyncio(client=client),
            "status": await get_sync_status.asyncio(client=client),
            "syncs": await list_syncs.asyncio(client=client),
            "what_if": await calculate_what_if.asyncio(
                assignment.course_id, client=client, body=WhatIf(scores=scores)
            ),
            "problem": problem,
        }
        return {name: result.to_dict() for name, result in results.items()}


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""

PATHS = {
    "courses": "/api/v1/canvas/courses",
    "course": "/api/v1/canvas/courses/{course}",
    "assignments": "/api/v1/canvas/assignments?sort=-due_at&limit=500",
    "assignment": "/api/v1/canvas/assignments/{assignment}",
    "grades": "/api/v1/canvas/grades",
    "history": "/api/v1/canvas/grades/history?sort=-changed_at&baseline=true",
    "stats": "/api/v1/dashboard/stats",
    "status": "/api/v1/sync/status",
    "syncs": "/api/v1/sync/logs",
}
"""The reads that the script makes with the generated client."""


async def run_python(*arguments: str | Path, **variables: str) -> str:
    """Run Python and return its output.

    Raises: AssertionError with the output if it fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=STDOUT, env=variables
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a generated client and a script that uses it."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "config.yaml").write_text(CONFIGURATION)
    (folder / "script.py").write_text(SCRIPT)
    asyncio.run(
        run_python(
            *("-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"),
            *("--path", ROOT / "docs" / "openapi.json", "--output-path", folder / PACKAGE),
            *("--config", folder / "config.yaml"),
        )
    )
    return folder


async def test_a_generated_client_reads_what_the_service_sends(
    client_folder: Path, client: Client, sandbox: Sandbox
) -> None:
    await client.connect(sandbox)
    output = await run_python(
        *(client_folder / "script.py", client.url, token_of(client.person), sandbox.url),
        sandbox.tokens[0]["token"],
        PYTHONPATH=str(client_folder),
    )
    printed = json.loads(output.splitlines()[-1])
    ids = {
        "course": printed["courses"]["items"][0]["id"],
        "assignment": printed["assignments"]["items"][0]["id"],
    }
    for name, path in PATHS.items():
        assert _comparable(printed[name]) == await client.get(path.format(**ids)), name
    assert len(printed["courses"]["items"]) == len(sandbox.control.courses())
    assert len(printed["history"]["items"]) > 0
    assert printed["what_if"]["course_id"] == printed["assignments"]["items"][0]["course_id"]
    assert printed["problem"]["type"] == "/problems/connection-exists"


def _comparable(value: Any) -> Any:
    """Return a document with times as the service writes them."""
    if isinstance(value, dict):
        return {name: _comparable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    is_time = isinstance(value, str) and value.endswith("+00:00")
    return value.removesuffix("+00:00") + "Z" if is_time else value


async def test_the_names_in_a_generated_client_are_those_of_the_document(
    client_folder: Path,
) -> None:
    """No name has a number, as generators add one where two schemas would have the same name."""
    modules = sorted(path.stem for path in (client_folder / PACKAGE / "models").glob("*.py"))
    assert {"assignment_status", "course_state", "sync_run_status", "sync_status"} <= set(modules)
    assert not [name for name in modules if any(char.isdigit() for char in name)]
