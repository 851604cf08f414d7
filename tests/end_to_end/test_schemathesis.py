"""Random requests after the OpenAPI document, valid and invalid, get the responses it documents."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import suppress
from pathlib import Path

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.end_to_end.conftest import Client
from tests.generate_documents import ROOT

MAX_EXAMPLES = 12
CONFIGURATION = """\
[parameters]
"path.connection_id" = "{connection_id}"

# Schemathesis generates Canvas addresses at which there is no Canvas.
[[operations]]
include-path = "/api/v1/canvas/setup"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502]
"""
SEED = 20261125
EVENT_STREAM_PATH = "/api/v1/sync/events"
"""Excluded: the response does not end."""


@pytest.mark.timeout(scaled(300))  # it takes a minute of one processor
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
        *("--header", "Purpose: a test"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(MAX_EXAMPLES)),
        *("--seed", str(SEED), "--checks", "all", "--suppress-health-check", "all"),
        *(
            "--continue-on-failure",
            "--no-color",
            "--request-timeout",
            str(scaled(10)),
            "--warnings",
            "off",
        ),
        # Only the service issues cursors and consistency tokens; it refuses other valid strings.
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
