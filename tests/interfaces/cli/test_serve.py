"""The service as a process: started, asked, killed, started again, stopped."""

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp

from interfaces.cli.demo.http_client import Caller
from interfaces.cli.errors import Failure
from tests.interfaces.cli.demo_student import (
    SECRET,
    Document,
    canvas,
    connect,
    is_over,
    person,
    sync_when,
)
from tests.interfaces.cli.run_cli import easeboard, logged, started, stop


async def test_it_serves_and_stops_in_order(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started(home, "serve", "--port", "0", log=log, SUPABASE_JWT_SECRET=SECRET) as process:
        url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
        async with aiohttp.ClientSession() as session, session.get(url + "/health/live") as answer:
            assert answer.status == 200
            assert "Server" not in answer.headers
        began = time.monotonic()
        assert await asyncio.to_thread(stop, process) == 0
        assert time.monotonic() - began < 20
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] != "info"] == []


async def test_a_killed_service_reports_what_it_left_and_starts_over(
    empty_home: Path, tmp_path: Path
) -> None:
    home = empty_home  # for doctor names who was killed, to every other test
    async with canvas(latency_ms=400) as (sandbox, variables):
        first, second = tmp_path / "first", tmp_path / "second"
        with started(home, "serve", "--port", "0", log=first, **variables) as process:
            url = await asyncio.to_thread(lambda: logged(first, "serving")["url"])
            async with person(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await sync_when(student, sync_id, lambda sync: sync["courses"]["done"] > 0)
                token = student.token
            process.send_signal(signal.SIGKILL)
            process.wait()
        sandbox.control.set_latency(0)
        with started(home, "serve", "--port", "0", log=second, **variables):
            url = await asyncio.to_thread(lambda: logged(second, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                student = Caller(session, url, token)
                cut_off = await sync_when(student, sync_id, is_over)
                assert (cut_off["status"], cut_off["error"]["code"]) == ("failed", "interrupted")
                again = await student.post(f"/api/v1/canvas/connections/{connection_id}/sync", {})
                over = await sync_when(student, again["id"], is_over)
                assert (over["status"], over["courses"]["done"]) == ("completed", 12)
                assert len(await student.items("/api/v1/canvas/courses")) == 12
                assert len(await student.items("/api/v1/canvas/assignments")) == 36
                found = cut_off["changes"]["courses"] + over["changes"]["courses"]
                assert found == 12, "what the first run recorded is no difference to the second"


async def test_a_stopped_service_gives_its_runs_back_and_the_next_one_ends_them(
    home: Path, tmp_path: Path
) -> None:
    async with canvas() as (sandbox, variables):
        sandbox.control.inject("hang", times=None, path="assignment_groups")
        log = tmp_path / "log"
        with started(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
            async with person(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await sync_when(student, sync_id, lambda sync: sync["status"] == "running")
                token = student.token
            began = time.monotonic()
            assert await asyncio.to_thread(stop, process) == 0
            assert time.monotonic() - began < 20
        kept = await asyncio.to_thread(easeboard, home, "audit", "history", connection_id, "--json")
        last = json.loads(kept.stdout)["items"][-1]
        assert (last["type"], last["payload"]["reason"]) == ("SyncRequeued", "stopped")
        sandbox.control.clear_faults()
        log = tmp_path / "second"
        with started(home, "serve", "--port", "0", log=log, **variables):
            url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                over = await sync_when(Caller(session, url, token), sync_id, is_over)
                assert over["status"] == "completed"


async def test_roles_live_apart_and_auditors_and_admins_ask_beside_them(
    home: Path, tmp_path: Path
) -> None:
    async with canvas() as (sandbox, variables):
        doors, hands = tmp_path / "doors", tmp_path / "hands"
        api = ("serve", "--port", "0", "--roles", "api")
        rest = ("serve", "--roles", "worker,projector")
        with (
            started(home, *api, log=doors, **variables),
            started(home, *rest, log=hands, **variables),
        ):
            url = await asyncio.to_thread(lambda: logged(doors, "serving")["url"])
            async with person(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                over = await sync_when(student, sync_id, is_over)
                assert over["status"] == "completed"
            async with asyncio.TaskGroup() as asking:
                asking.create_task(asyncio.to_thread(_history_is_shown, home, connection_id))
                asking.create_task(asyncio.to_thread(_projections_are_rebuilt, home))


def _history_is_shown(home: Path, connection_id: str) -> None:
    def events(*arguments: str) -> list[dict[str, Any]]:
        shown = easeboard(home, "audit", "history", connection_id, "--json", *arguments)
        assert shown.returncode == 0, shown.stderr
        items: list[dict[str, Any]] = json.loads(shown.stdout)["items"]
        return items

    def types(*arguments: str) -> list[str]:
        return [event["type"] for event in events(*arguments)]

    first, *_ = kept = events()
    everything = [event["type"] for event in kept]
    assert everything[:2] == ["ConnectionOpened", "SyncRequested"]
    assert everything[-1] == "SyncCompleted"
    assert types("--version", "1") == ["ConnectionOpened"]
    assert types("--as-of", "2026-01-01") == []
    at = first["recorded_at"]
    assert events("--as-of", at) == [event for event in kept if event["recorded_at"] == at]
    table = easeboard(home, "audit", "history", connection_id).stdout
    assert "ConnectionOpened" in table
    assert first["actor"] in table
    assert "HistoryRead" in table, "that somebody looked is recorded"
    refused = easeboard(home, "audit", "history", connection_id, "--version", "9")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert connection_id in refused.stderr


def _projections_are_rebuilt(home: Path) -> None:
    def versions() -> dict[str, int]:
        shown = easeboard(home, "projections", "list", "--json")
        return {model["name"]: model["version"] for model in json.loads(shown.stdout)["items"]}

    before = versions()
    assert len(before) == 7
    rebuilt = easeboard(home, "projections", "rebuild", "courses", "grades")
    assert rebuilt.returncode == 0, rebuilt.stderr
    after = versions()
    assert {name for name in before if after[name] > before[name]} == {"courses", "grades"}
    everything = easeboard(home, "projections", "rebuild", "--all", "--json")
    anew: dict[str, int] = json.loads(everything.stdout)["rebuilt"]
    assert all(anew[name] > after[name] for name in after)
    assert "dashboard_stats" in easeboard(home, "projections", "list").stdout
    refused = easeboard(home, "projections", "rebuild", "cheese")
    assert refused.returncode == 1
    assert "dashboard_stats" in refused.stderr


async def test_a_port_that_is_taken_is_said_plainly(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = await asyncio.to_thread(easeboard, home, "serve", "--port", port)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "--port" in refused.stderr


async def test_metrics_have_a_door_of_their_own(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with started(home, "serve", "--roles", "scheduler", log=log, METRICS_PORT=port):
        await asyncio.to_thread(logged, log, "serving")
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as metrics,
            session.get(f"http://127.0.0.1:{port}/health/live") as nothing_else,
        ):
            assert (metrics.status, nothing_else.status) == (200, 404)
            assert "process_cpu_seconds_total" in await metrics.text()
        with socket.create_server(("127.0.0.1", 0)):
            refused = await asyncio.to_thread(
                easeboard, home, "serve", "--port", "0", METRICS_PORT=port
            )
    assert refused.returncode == 1
    assert "METRICS_PORT" in refused.stderr


async def test_the_service_outlives_its_database(empty_home: Path, tmp_path: Path) -> None:
    home, log = empty_home, tmp_path / "log"
    async with canvas() as (sandbox, variables):
        with started(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
            async with person(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await sync_when(student, sync_id, is_over)
                postmaster = (home / "postgres" / "postmaster.pid").read_text().split()[0]
                os.kill(int(postmaster), signal.SIGKILL)
                again = await _insist(student, f"/api/v1/canvas/connections/{connection_id}/sync")
                over = await sync_when(student, again["id"], is_over)
            assert (over["status"], over["changes"]["courses"]) == ("completed", 0)
            assert await asyncio.to_thread(stop, process) == 0


async def _insist(student: Caller, path: str) -> Document:
    """Ask again while the answer is that the database is away."""
    async with asyncio.timeout(20):
        while True:
            try:
                return dict(await student.post(path, {}))
            except Failure as failure:
                if " 503: " not in str(failure):
                    raise
                await asyncio.sleep(0.1)
