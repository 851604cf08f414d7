"""The service as a process: it is started, used, killed, restarted and stopped."""

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp

from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.errors import CommandFailed
from tests.deadlines import scaled
from tests.interfaces.cli.demo_student import (
    SECRET,
    Document,
    api_client,
    connect,
    is_finished,
    running_canvas,
    wait_for_sync,
)
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard, stop, wait_for_log


async def test_the_service_serves_and_stops_in_order(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_easeboard(
        home, "serve", "--port", "0", log=log, SUPABASE_JWT_SECRET=SECRET
    ) as process:
        url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
        async with (
            aiohttp.ClientSession() as session,
            session.get(url + "/health/live") as response,
        ):
            assert response.status == 200
            assert "Server" not in response.headers
        started_at = time.monotonic()
        assert await asyncio.to_thread(stop, process) == 0
        assert time.monotonic() - started_at < scaled(20)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] != "info"] == []


async def test_a_run_of_a_killed_service_is_interrupted_and_a_new_sync_completes(
    empty_home: Path, tmp_path: Path
) -> None:
    # A home of its own: doctor reports a killed process, which would fail other tests.
    home = empty_home
    async with running_canvas(latency_ms=400) as (sandbox, variables):
        first, second = tmp_path / "first", tmp_path / "second"
        with running_easeboard(home, "serve", "--port", "0", log=first, **variables) as process:
            url = await asyncio.to_thread(lambda: wait_for_log(first, "serving")["url"])
            async with api_client(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await wait_for_sync(student, sync_id, lambda sync: sync["courses"]["done"] > 0)
                token = student.token
            process.send_signal(signal.SIGKILL)
            process.wait()
        sandbox.control.set_latency(0)
        with running_easeboard(home, "serve", "--port", "0", log=second, **variables):
            url = await asyncio.to_thread(lambda: wait_for_log(second, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                student = ApiClient(session, url, token)
                interrupted = await wait_for_sync(student, sync_id, is_finished)
                assert (interrupted["status"], interrupted["error"]["code"]) == (
                    "failed",
                    "interrupted",
                )
                second_sync = await student.post(
                    f"/api/v1/canvas/connections/{connection_id}/sync", {}
                )
                finished = await wait_for_sync(student, second_sync["id"], is_finished)
                assert (finished["status"], finished["courses"]["done"]) == ("completed", 12)
                assert len(await student.items("/api/v1/canvas/courses")) == 12
                assert len(await student.items("/api/v1/canvas/assignments")) == 36
                course_changes = interrupted["changes"]["courses"] + finished["changes"]["courses"]
                assert course_changes == 12, "each course is recorded by one of the two runs"


async def test_a_stopped_service_requeues_its_runs_and_the_next_process_completes_them(
    home: Path, tmp_path: Path
) -> None:
    async with running_canvas() as (sandbox, variables):
        sandbox.control.inject("hang", times=None, path="assignment_groups")
        log = tmp_path / "log"
        with running_easeboard(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
            async with api_client(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await wait_for_sync(student, sync_id, lambda sync: sync["status"] == "running")
                token = student.token
            started_at = time.monotonic()
            assert await asyncio.to_thread(stop, process) == 0
            assert time.monotonic() - started_at < scaled(20)
        history = await asyncio.to_thread(
            run_easeboard, home, "audit", "history", connection_id, "--json", "--purpose=test"
        )
        last = json.loads(history.stdout)["items"][-1]
        assert (last["type"], last["payload"]["reason"]) == ("SyncRequeued", "stopped")
        sandbox.control.clear_faults()
        log = tmp_path / "second"
        with running_easeboard(home, "serve", "--port", "0", log=log, **variables):
            url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                finished = await wait_for_sync(ApiClient(session, url, token), sync_id, is_finished)
                assert finished["status"] == "completed"


async def test_roles_run_in_separate_processes_beside_audit_and_rebuild_commands(
    home: Path, tmp_path: Path
) -> None:
    async with running_canvas() as (sandbox, variables):
        api_log, worker_log = tmp_path / "api", tmp_path / "worker"
        api = ("serve", "--port", "0", "--roles", "api")
        other_roles = ("serve", "--roles", "worker,projector")
        with (
            running_easeboard(home, *api, log=api_log, **variables),
            running_easeboard(home, *other_roles, log=worker_log, **variables),
        ):
            url = await asyncio.to_thread(lambda: wait_for_log(api_log, "serving")["url"])
            async with api_client(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                finished = await wait_for_sync(student, sync_id, is_finished)
                assert finished["status"] == "completed"
            async with asyncio.TaskGroup() as commands:
                commands.create_task(
                    asyncio.to_thread(_assert_history_is_shown, home, connection_id)
                )
                commands.create_task(asyncio.to_thread(_assert_projections_are_rebuilt, home))


def _assert_history_is_shown(home: Path, connection_id: str) -> None:
    def events(*arguments: str) -> list[dict[str, Any]]:
        command = ["audit", "history", connection_id, "--json", "--purpose=test"]
        result = run_easeboard(home, *command, *arguments)
        assert result.returncode == 0, result.stderr
        items: list[dict[str, Any]] = json.loads(result.stdout)["items"]
        return items

    def types(*arguments: str) -> list[str]:
        return [event["type"] for event in events(*arguments)]

    first, *_ = history = events()
    all_types = [event["type"] for event in history]
    assert all_types[:2] == ["ConnectionOpened", "SyncRequested"]
    assert all_types[-1] == "SyncCompleted"
    assert types("--version", "1") == ["ConnectionOpened"]
    assert types("--as-of", "2026-01-01") == []
    recorded_at = first["recorded_at"]
    assert events("--as-of", recorded_at) == [
        event for event in history if event["recorded_at"] == recorded_at
    ]
    command = ["audit", "history", connection_id, "--purpose=test"]
    table = run_easeboard(home, *command).stdout
    words = " ".join(table.split())
    assert "was connected" in words
    assert "read the history" in words, "the reads before are recorded"
    result = run_easeboard(home, *command, "--version", "9")
    assert (result.returncode, result.stdout) == (1, "")
    assert connection_id in result.stderr
    assert "--version with a number up to 1" in result.stderr


def _assert_projections_are_rebuilt(home: Path) -> None:
    def versions() -> dict[str, int]:
        result = run_easeboard(home, "projections", "list", "--json")
        return {model["name"]: model["version"] for model in json.loads(result.stdout)["items"]}

    before = versions()
    assert len(before) == 7
    rebuilt = run_easeboard(home, "projections", "rebuild", "courses", "grades")
    assert rebuilt.returncode == 0, rebuilt.stderr
    after = versions()
    assert {name for name in before if after[name] > before[name]} == {"courses", "grades"}
    all_rebuilt = run_easeboard(home, "projections", "rebuild", "--all", "--json")
    rebuilt_versions: dict[str, int] = json.loads(all_rebuilt.stdout)["rebuilt"]
    assert all(rebuilt_versions[name] > after[name] for name in after)
    assert "dashboard_stats" in run_easeboard(home, "projections", "list").stdout
    result = run_easeboard(home, "projections", "rebuild", "cheese")
    assert result.returncode == 1
    assert "dashboard_stats" in result.stderr


async def test_a_taken_port_is_reported_in_one_line(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = await asyncio.to_thread(run_easeboard, home, "serve", "--port", port)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "--port" in result.stderr


async def test_metrics_are_served_on_their_own_port(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with running_easeboard(home, "serve", "--roles", "scheduler", log=log, METRICS_PORT=port):
        await asyncio.to_thread(wait_for_log, log, "serving")
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as metrics,
            session.get(f"http://127.0.0.1:{port}/health/live") as live,
            session.get(f"http://127.0.0.1:{port}/api/v1/audit/connections") as nothing_else,
        ):
            assert (metrics.status, live.status, nothing_else.status) == (200, 200, 404)
            assert "process_cpu_seconds_total" in await metrics.text()
        with socket.create_server(("127.0.0.1", 0)):
            result = await asyncio.to_thread(
                run_easeboard, home, "serve", "--port", "0", METRICS_PORT=port
            )
    assert result.returncode == 1
    assert "METRICS_PORT" in result.stderr


async def test_the_service_survives_a_crash_of_its_database(
    empty_home: Path, tmp_path: Path
) -> None:
    home, log = empty_home, tmp_path / "log"
    async with running_canvas() as (sandbox, variables):
        with running_easeboard(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
            async with api_client(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await wait_for_sync(student, sync_id, is_finished)
                postmaster = (home / "postgres" / "postmaster.pid").read_text().split()[0]
                os.kill(int(postmaster), signal.SIGKILL)
                second_sync = await _post_until_available(
                    student, f"/api/v1/canvas/connections/{connection_id}/sync"
                )
                finished = await wait_for_sync(student, second_sync["id"], is_finished)
            assert (finished["status"], finished["changes"]["courses"]) == ("completed", 0)
            assert await asyncio.to_thread(stop, process) == 0


async def _post_until_available(student: ApiClient, path: str) -> Document:
    """Repeat a POST request while it fails because the database is unavailable."""
    async with asyncio.timeout(scaled(20)):
        while True:
            try:
                return dict(await student.post(path, {}))
            except CommandFailed as failure:
                if " 503: " not in str(failure):
                    raise
                await asyncio.sleep(0.1)
