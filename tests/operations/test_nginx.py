"""The nginx configuration of docs/operations.md, in front of a process, with a real nginx."""

import asyncio
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

import httpx2
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from interfaces.http.middleware.rate_limit_policies import CALENDAR_GUESS
from interfaces.http.server.uvicorn_server import CONNECTION_KEEP_ALIVE_SECONDS
from tests.deadlines import scaled
from tests.operations.installation import COMMAND_TIMEOUT_SECONDS, Installation, free_port
from tests.operations.runbook import blocks_of

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
LOOPBACK = IPv4Address("127.0.0.1")
pytestmark = pytest.mark.timeout(scaled(180))

MAIN_CONFIGURATION = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/easeboard.conf;
}}
"""


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "easeboard")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, SHA256())
    )
    (folder / "easeboard.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "easeboard.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def configuration(folder: Path, port: int, upstream: str) -> str:
    """The configuration of the runbook with the addresses of this test."""
    [block] = blocks_of("nginx")
    text = block.text.replace("/etc/ssl", str(folder))
    for documented, used in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("127.0.0.1:8000", upstream),
        ("127.0.0.1:8001", upstream),
    ):
        assert documented in text
        text = text.replace(documented, used)
    return text


@contextmanager
def running_nginx(folder: Path, upstream: str) -> Iterator[int]:
    """Run nginx in front of an address, and yield its port."""
    assert NGINX, "nginx is missing: apt-get install nginx-light"
    port = free_port()
    write_certificate(folder)
    (folder / "easeboard.conf").write_text(configuration(folder, port, upstream))
    # As root, nginx would give up the right to write to its temporary files.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN_CONFIGURATION.format(folder=folder, user=user))
    with subprocess.Popen(  # noqa: S603  # a program of Debian
        [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    ) as nginx:
        try:
            deadline = time.monotonic() + COMMAND_TIMEOUT_SECONDS
            while not (folder / "nginx.pid").exists():
                assert nginx.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield port
        finally:
            nginx.terminate()
            assert nginx.wait(COMMAND_TIMEOUT_SECONDS) == 0


@pytest.fixture
def proxy_port(installation: Installation) -> Iterator[int]:
    """The port of nginx in front of a process of the service, which trusts 127.0.0.1 alone."""
    installation.use_new_database(TRUSTED_PROXIES="127.0.0.1")
    installation.run("easeboard migrate")
    upstream = installation.serve().removeprefix("http://")
    folder = installation.directory / "nginx"
    folder.mkdir()
    with running_nginx(folder, upstream) as port:
        yield port


def trusting(installation: Installation) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=installation.directory / "nginx" / "easeboard.pem")


def client_at(address: str, installation: Installation, port: int) -> httpx2.AsyncClient:
    """A client that connects from an address of its own."""
    transport = httpx2.AsyncHTTPTransport(
        local_address=address, verify=trusting(installation), trust_env=False
    )
    url, timeout = f"https://127.0.0.1:{port}", scaled(20)
    return httpx2.AsyncClient(transport=transport, base_url=url, timeout=timeout)


async def test_http_websocket_and_server_sent_events_pass(
    installation: Installation, proxy_port: int
) -> None:
    token = installation.run(f"easeboard token --user {uuid4()}").stdout.strip()
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(scaled(30)),
        client_at("127.0.0.2", installation, proxy_port) as client,
    ):
        courses = await client.get("/api/v1/canvas/courses", headers=bearer)
        assert (courses.status_code, courses.json()["items"]) == (200, [])
        assert (await client.get("/metrics")).status_code == 404
        async with client.stream("GET", "/api/v1/sync/events", headers=bearer) as stream:
            assert stream.status_code == 200
            # nginx would hold back the first message of a stream that stays open.
            async for line in stream.aiter_lines():
                if "snapshot" in line:
                    break
        async with connect(
            f"wss://127.0.0.1:{proxy_port}/ws/sync-status",
            ssl=trusting(installation),
            proxy=None,
        ) as websocket:
            await websocket.send(orjson.dumps({"type": "auth", "token": token}).decode())
            assert orjson.loads(await websocket.recv())["type"] == "snapshot"


async def test_the_largest_body_passes_and_a_larger_one_is_refused(
    installation: Installation, proxy_port: int
) -> None:
    token = installation.run(f"easeboard token --user {uuid4()}").stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with client_at("127.0.0.2", installation, proxy_port) as client:
        for size, expected in ((64 * 1024, 422), (64 * 1024 + 1, 413)):
            response = await client.post(
                "/api/v1/canvas/setup", content=b" " * size, headers=headers
            )
            assert response.status_code == expected


async def test_each_client_is_counted_by_its_own_address(
    installation: Installation, proxy_port: int
) -> None:
    async with (
        client_at("127.0.0.2", installation, proxy_port) as attacker,
        client_at("127.0.0.3", installation, proxy_port) as other,
    ):
        statuses = set()
        for number in range(2 * CALENDAR_GUESS.quota):
            invented = {"X-Forwarded-For": f"203.0.113.{number}"}
            response = await attacker.get(f"/calendar/{token_urlsafe(32)}.ics", headers=invented)
            statuses.add(response.status_code)
        assert statuses == {404, 429}, "an address that the client invents must not count"
        assert (await other.get(f"/calendar/{token_urlsafe(32)}.ics")).status_code == 404


def test_idle_connections_end_at_the_proxy_and_live_ones_do_not() -> None:
    [block] = blocks_of("nginx")
    settings = dict(
        line.strip().partition(";")[0].split(maxsplit=1)
        for line in block.text.splitlines()
        if ";" in line and line.strip()[0] != "#"
    )
    assert int(settings["keepalive_timeout"].removesuffix("s")) < CONNECTION_KEEP_ALIVE_SECONDS
    assert int(settings["proxy_read_timeout"].removesuffix("s")) > 60
    assert settings["proxy_buffering"] == "off"
