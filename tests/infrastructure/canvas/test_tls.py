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
from tests.infrastructure.canvas.fake_servers import TOKEN, Handler, client_of, json_answer, serving


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of this name shows, and what trusts nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
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
        signed.public_bytes(serialization.Encoding.PEM)
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
async def test_a_server_must_prove_its_name(tmp_path: Path, host: str, trusted: bool) -> None:  # noqa: FBT001  # a case of the table
    server, client = certificate(tmp_path, host)
    async with serving(answers_me(), ssl=server) as origin:
        there = origin.replace("http://127.0.0.1", "https://localhost")
        async with client_of(there, tls=client) as canvas:
            if trusted:
                assert await canvas.whoami(there, TOKEN) == ("42", "")
            else:
                with pytest.raises(CanvasUnreachable, match="certificate"):
                    await canvas.whoami(there, TOKEN)


async def test_a_certificate_nobody_signed_is_refused(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "localhost")
    async with serving(answers_me(), ssl=server) as origin:
        there = origin.replace("http://127.0.0.1", "https://localhost")
        async with client_of(there) as canvas:
            with pytest.raises(CanvasUnreachable, match="certificate"):
                await canvas.whoami(there, TOKEN)


def answers_me() -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return json_answer({"id": "42"})

    return answer
