import stat
import time
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from infrastructure.settings.settings import read_settings
from interfaces.cli.demo.running_demo import UNSET_SETTINGS
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import InvalidToken
from interfaces.http.auth.signing_secret import signing_secret
from tests.interfaces.cli.run_cli import run_easeboard

USER = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
SECRET = "a development secret, and long enough"
REMOTE_DATABASE_URL = "postgresql://me@db.example/easeboard"


def run_token_command(home: Path, *options: str, **variables: str) -> str:
    result = run_easeboard(home, "token", "--user", USER, *options, **variables)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.strip()


def test_a_token_has_the_claims_of_a_supabase_token(empty_home: Path) -> None:
    token = run_token_command(
        empty_home,
        *("--role", "auditor", "--ttl", "60"),
        SUPABASE_JWT_SECRET=SECRET,
        SUPABASE_URL="https://abc.supabase.co/",
    )
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="authenticated")
    issued_at = claims.pop("iat")
    assert abs(issued_at - time.time()) < 30
    assert claims == {
        "sub": USER,
        "aud": "authenticated",
        "role": "authenticated",
        "exp": issued_at + 60,
        "app_metadata": {"role": "auditor", "roles": ["auditor"]},
        "iss": "https://abc.supabase.co/auth/v1",
    }


async def test_the_service_accepts_the_token(empty_home: Path) -> None:
    token = run_token_command(
        empty_home, "--role", "admin", DATABASE_URL=REMOTE_DATABASE_URL, SUPABASE_JWT_SECRET=SECRET
    )
    principal = await JwtVerifier(secret=SECRET.encode(), keys=None, issuer=None)(token)
    assert principal.id == UUID(USER)
    assert principal.roles == {"admin"}
    with pytest.raises(InvalidToken):
        await JwtVerifier(secret=b"another secret that is as long as that", keys=None, issuer=None)(
            token
        )


def test_a_token_is_valid_for_at_most_a_year(empty_home: Path) -> None:
    result = run_easeboard(empty_home, "token", "--user", USER, "--ttl", str(366 * 24 * 3600))
    assert (result.returncode, result.stdout) == (2, "")
    assert "it must be a whole number from 1 to 31536000." in result.stderr


def test_the_embedded_database_has_a_persistent_signing_secret(empty_home: Path) -> None:
    first, second = run_token_command(empty_home), run_token_command(empty_home)
    secret_file = empty_home / "jwt-secret"
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    for token in (first, second):
        jwt.decode(token, secret_file.read_text(), algorithms=["HS256"], audience="authenticated")


def test_a_database_of_another_user_may_lie_below_a_home_that_a_token_created(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    assert signing_secret(read_settings(easeboard_home=str(home), **UNSET_SETTINGS))
    assert stat.S_IMODE(home.stat().st_mode) & 0o077 == stat.S_IXGRP | stat.S_IXOTH


@pytest.mark.parametrize(
    "variables",
    [{"DATABASE_URL": REMOTE_DATABASE_URL}, {"SUPABASE_URL": "https://abc.supabase.co"}],
)
def test_without_a_secret_no_token_is_signed(variables: dict[str, str], empty_home: Path) -> None:
    result = run_easeboard(empty_home, "token", "--user", USER, **variables)
    assert (result.returncode, result.stdout) == (1, "")
    assert "SUPABASE_JWT_SECRET" in result.stderr
    assert not list(empty_home.iterdir())
