"""Whatever the OpenAPI document permits or forbids: asked at random, answered as it says."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import suppress
from pathlib import Path

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import bearer_headers
from tests.end_to_end.conftest import Client
from tests.generate_documents import ROOT

MAX_EXAMPLES = 12
CONFIGURATION = """\
[parameters]
"path.connection_id" = "{connection_id}"

# There is no Canvas at the addresses made up here.
[[operations]]
include-path = "/api/v1/canvas/setup"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502]
"""
SEED = 20261125
# Cursors, consistency tokens and keys are ours alone to give: any other string is refused, so that
# not all the document permits is accepted.
EVENT_STREAM_PATH = "/api/v1/sync/events"
"""It never ends."""


@pytest.mark.timeout(600)  # a minute of one processor, which others use as well
async def test_every_response_conforms_to_the_openapi_document(
    client: Client, sandbox: Sandbox, tmp_path: Path
) -> None:
    connection = await client.connect(sandbox)
    (tmp_path / "schemathesis.toml").write_text(
        CONFIGURATION.format(connection_id=connection["id"])
    )
    admin = bearer_headers(client.person, "admin")["Authorization"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{client.url}/openapi.json"),
        *("--header", f"Authorization: {admin}", "--exclude-path", EVENT_STREAM_PATH),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(MAX_EXAMPLES)),
        *("--seed", str(SEED), "--checks", "all", "--suppress-health-check", "all"),
        *("--continue-on-failure", "--no-color", "--request-timeout", "20", "--warnings", "off"),
        *("--exclude-checks", "positive_data_acceptance"),
        cwd=tmp_path,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, output.decode()
    document = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    operations = sum(len(methods) for methods in document["paths"].values())
    assert f"Tested: {operations - 1}" in output.decode()
