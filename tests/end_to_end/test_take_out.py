"""What a person takes along is what they see, and the history behind it."""

from uuid import uuid4

import orjson

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.dev_tokens import ADA, BOB
from tests.end_to_end.conftest import Client


async def test_everything_can_be_taken_along(client: Client, sandbox: Sandbox) -> None:
    ada = client
    connection = await ada.connect(sandbox)
    auditor = ada.as_person(BOB, "auditor")
    await auditor.get(f"/api/v1/audit/connections/{connection['id']}/events?purpose=a+complaint")
    await auditor.get(f"/api/v1/audit/connections?user_id={ADA}&purpose=an+overview")
    taken = await ada.get("/api/v1/me/export")
    shown = await ada.get("/api/v1/canvas/data")
    assert {name: taken[name] for name in ("connections", "courses", "assignments", "grades")} == {
        name: shown[name] for name in ("connections", "courses", "assignments", "grades")
    }
    assert taken["account"]["id"] == str(ADA)
    assert taken["disclosures"] == (await ada.get("/api/v1/me/disclosures"))["items"]
    assert [each["purpose"] for each in taken["disclosures"]] == ["an overview", "a complaint"]
    types = [each["type"] for each in taken["history"]]
    assert types[:2] == ["ConnectionOpened", "SyncRequested"]
    assert {"CourseFetched", "HistoryRead"} <= set(types)
    assert sandbox.tokens[0]["token"] not in orjson.dumps(taken).decode()
    others = await ada.as_person(uuid4()).get("/api/v1/me/export")
    assert (others["connections"], others["history"]) == ([], [])
    await ada("DELETE", "/api/v1/me")
    left = await ada.get("/api/v1/me/export")
    assert left["account"]["erased_at"]
    assert {each["payload"].get("redacted") for each in left["history"]} == {True, None}
