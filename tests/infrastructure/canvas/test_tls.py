import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.errors import CanvasUnreachable
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    Handler,
    json_response,
    open_client,
    serve_handler,
)


def create_certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Create a certificate; return the context of its server and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{host}.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize(("host", "trusted"), [("localhost", True), ("evil.example", False)])
async def test_the_certificate_must_match_the_host_name(
    tmp_path: Path,
    host: str,
    trusted: bool,  # noqa: FBT001  # a test parameter
) -> None:
    server, client = create_certificate(tmp_path, host)
    async with serve_handler(user_handler(), ssl=server) as origin:
        origin_by_name = origin.replace("http://127.0.0.1", "https://localhost")
        async with open_client(origin_by_name, tls=client) as canvas:
            if trusted:
                assert await canvas.fetch_user(origin_by_name, TOKEN) == ("42", "")
            else:
                with pytest.raises(CanvasUnreachable, match="did not answer"):
                    await canvas.fetch_user(origin_by_name, TOKEN)


async def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    server, _ = create_certificate(tmp_path, "localhost")
    async with serve_handler(user_handler(), ssl=server) as origin:
        origin_by_name = origin.replace("http://127.0.0.1", "https://localhost")
        async with open_client(origin_by_name) as canvas:
            with pytest.raises(CanvasUnreachable, match="did not answer"):
                await canvas.fetch_user(origin_by_name, TOKEN)


def user_handler() -> Handler:
    async def respond(_: web.Request) -> web.Response:
        return json_response({"id": "42"})

    return respond
